package featureindex

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// The format is drawn in docs/format.md.
//
// History of the version:
//
//	1  the first
const (
	magic = "SAEINDEX"
	// writeVersion is the version of the sections that this package writes.
	writeVersion = 1
	// readMinVersion is the oldest reader that understands them: a reader of
	// version r reads sections with read-min version <= r, and write version >= 1.
	readMinVersion = 1

	alignment     = 64 // of parts, from the start of the section
	headerSize    = 32 // without fingerprint and names
	directorySize = 32 // of one entry
	trailerSize   = 64
)

const (
	blockBits  = 15
	blockSize  = 1 << blockBits // documents of a block
	chunkBits  = 16             // documents are numbered modulo 1<<chunkBits in a posting
	maxImpact  = 255
	entryBytes = 24
)

// A kind names what a part holds.
type kind uint16

const (
	kindHeader      kind = 1 + iota
	kindFeatures         // of a view: feature numbers of all codes, u16 or u32
	kindActivations      // of a view: f32 or f16
	kindRows             // of a view: u32[n+1], where a document's code begins; absent when all are as long
	kindPostings         // of a list set: for each feature u16[df] documents, u8[df] impacts, padded to 2
	kindRuns             // of a list set: {block, count} of the runs that are not empty; or
	kindCounts           // of a list set: u16[entries][blocks], the counts of all runs, where that is shorter
	kindEntries          // of a list set: one entry a feature that occurs
	kindPresence         // of a column: u64[⌈n/64⌉], bit d set when document d has a vector
	kindRanks            // of a column: u32[⌈n/64⌉], vectors before each word of the presence
	kindVectors          // of a column: f32[vectors][dim]
	kindScan             // of a column: i8[vectors][dim padded to 32]
	kindScanScale        // of a column: scale, residual and norm of each scan vector
	lastKind        = kindScanScale
)

var kindNames = [...]string{
	kindHeader: "header", kindFeatures: "features", kindActivations: "activations", kindRows: "rows",
	kindPostings: "postings", kindRuns: "runs", kindCounts: "counts", kindEntries: "entries", kindPresence: "presence",
	kindRanks: "ranks", kindVectors: "vectors", kindScan: "scan", kindScanScale: "scan scales",
}

// A Column selects one of the dense vectors of a document.
type Column int

// The columns: the embedding z of a document and the sum u over its views.
const (
	Embedding Column = iota
	Sum
	columns = 2
)

var columnNames = [columns]string{"embedding", "sum"}

// A part is an array of a section and its line in the directory.
type part struct {
	kind   kind
	list   uint16 // the view, list set or column
	crc    uint32 // Castagnoli
	offset uint64 // from the start of the section, a multiple of alignment
	length uint64 // without padding
	aux    uint64 // of kindEntries: the bits of the float64 norm; else 0
}

// name returns the part's name for messages.
func (p *part) name(o *Options) string {
	if p.kind < kindHeader || p.kind > lastKind {
		return fmt.Sprintf("part of kind %d", p.kind)
	}
	name := kindNames[p.kind]
	switch l := int(p.list); {
	case p.kind == kindHeader:
	case p.kind >= kindPresence && l < columns:
		name += " of " + columnNames[l]
	case l < len(o.Views):
		name += " of " + o.Views[l]
	default:
		name += " of union"
	}
	return name
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum returns the CRC32-C of b.
func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// appendHeader appends the header part.
func appendHeader(b []byte, o *Options, documents int) []byte {
	flags := uint32(0)
	if o.Half {
		flags |= flagHalf
	}
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, writeVersion)
	b = binary.LittleEndian.AppendUint16(b, readMinVersion)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(documents))
	b = binary.LittleEndian.AppendUint32(b, uint32(o.Features))
	b = binary.LittleEndian.AppendUint32(b, uint32(o.Dim))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(o.Fingerprint)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(o.Views)))
	b = append(b, o.Fingerprint...)
	for _, name := range o.Views {
		b = append(append(b, byte(len(name))), name...)
	}
	return b
}

// flagHalf is the flag of float16 activations; the other bits are zero.
const flagHalf = 1

// parseHeader reads what appendHeader wrote.
func parseHeader(b []byte) (o Options, documents int, err error) {
	fail := func(format string, args ...any) (Options, int, error) {
		return Options{}, 0, corrupt("header", 0, format, args...)
	}
	if len(b) < headerSize || string(b[:8]) != magic {
		return fail("no magic")
	}
	flags, n := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
	features, dim := binary.LittleEndian.Uint32(b[20:]), binary.LittleEndian.Uint32(b[24:])
	fingerprint, views := int(binary.LittleEndian.Uint16(b[28:])), int(binary.LittleEndian.Uint16(b[30:]))
	if flags&^flagHalf != 0 || n > MaxDocuments || features > MaxFeatures || dim > MaxDim {
		return fail("flags %#x, %d documents, %d features, %d dimensions", flags, n, features, dim)
	}
	o = Options{Features: int(features), Dim: int(dim), Half: flags&flagHalf != 0}
	rest := b[headerSize:]
	if len(rest) < fingerprint {
		return fail("fingerprint cut short")
	}
	o.Fingerprint, rest = string(rest[:fingerprint]), rest[fingerprint:]
	for range views {
		if len(rest) == 0 || len(rest)-1 < int(rest[0]) {
			return fail("names cut short")
		}
		o.Views, rest = append(o.Views, string(rest[1:1+rest[0]])), rest[1+rest[0]:]
	}
	if len(rest) != 0 {
		return fail("%d bytes too many", len(rest))
	}
	if err := o.check(); err != nil {
		return fail("%w", err)
	}
	return o, int(n), nil
}

// appendDirectory appends the lines of parts.
func appendDirectory(b []byte, parts []part) []byte {
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint16(b, uint16(p.kind))
		b = binary.LittleEndian.AppendUint16(b, p.list)
		b = binary.LittleEndian.AppendUint32(b, p.crc)
		b = binary.LittleEndian.AppendUint64(b, p.offset)
		b = binary.LittleEndian.AppendUint64(b, p.length)
		b = binary.LittleEndian.AppendUint64(b, p.aux)
	}
	return b
}

// parseDirectory reads what appendDirectory wrote for a section of which the
// parts take the first end bytes.
func parseDirectory(b []byte, end uint64) ([]part, error) {
	parts := make([]part, 0, len(b)/directorySize)
	seen := map[[2]uint16]bool{}
	for ; len(b) > 0; b = b[directorySize:] {
		p := part{
			kind: kind(binary.LittleEndian.Uint16(b)), list: binary.LittleEndian.Uint16(b[2:]),
			crc: binary.LittleEndian.Uint32(b[4:]), offset: binary.LittleEndian.Uint64(b[8:]),
			length: binary.LittleEndian.Uint64(b[16:]), aux: binary.LittleEndian.Uint64(b[24:]),
		}
		key := [2]uint16{uint16(p.kind), p.list}
		if seen[key] || p.offset%alignment != 0 || p.offset > end || p.length > end-p.offset {
			return nil, corrupt("directory", int64(end), "part %d", len(parts))
		}
		seen[key] = true
		parts = append(parts, p)
	}
	return parts, nil
}

// A trailer is the end of a section.
type trailer struct {
	directory, directoryLength, length uint64
	directoryCRC                       uint32
	write, readMin                     uint16
}

// appendTrailer appends t with its checksum and the magic.
func appendTrailer(b []byte, t trailer) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, t.directory)
	b = binary.LittleEndian.AppendUint64(b, t.directoryLength)
	b = binary.LittleEndian.AppendUint64(b, t.length)
	b = binary.LittleEndian.AppendUint32(b, t.directoryCRC)
	b = binary.LittleEndian.AppendUint16(b, t.write)
	b = binary.LittleEndian.AppendUint16(b, t.readMin)
	b = append(b, make([]byte, trailerSize-12-(len(b)-start))...)
	b = binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
	return append(b, magic...)
}

// parseTrailer reads the trailer of a section and checks it against its length.
func parseTrailer(data []byte) (trailer, error) {
	if len(data) < trailerSize || string(data[len(data)-8:]) != magic {
		return trailer{}, corrupt("trailer", -1, "%w", ErrNotSection)
	}
	at := int64(len(data) - trailerSize)
	b := data[at:]
	if checksum(b[:trailerSize-12]) != binary.LittleEndian.Uint32(b[trailerSize-12:]) {
		return trailer{}, corrupt("trailer", at, "checksum")
	}
	t := trailer{
		directory: binary.LittleEndian.Uint64(b), directoryLength: binary.LittleEndian.Uint64(b[8:]),
		length: binary.LittleEndian.Uint64(b[16:]), directoryCRC: binary.LittleEndian.Uint32(b[24:]),
		write: binary.LittleEndian.Uint16(b[28:]), readMin: binary.LittleEndian.Uint16(b[30:]),
	}
	if t.readMin > writeVersion || t.write < 1 {
		return t, corrupt("trailer", at, "%w: written by version %d, needs a reader of version %d, this is %d",
			ErrVersion, t.write, t.readMin, writeVersion)
	}
	if t.length != uint64(len(data)) || t.directory > uint64(at) || t.directoryLength != uint64(at)-t.directory ||
		t.directoryLength%directorySize != 0 {
		return t, corrupt("trailer", at, "length %d of %d, directory at %d", t.length, len(data), t.directory)
	}
	if checksum(data[t.directory:at]) != t.directoryCRC {
		return t, corrupt("directory", int64(t.directory), "checksum")
	}
	return t, nil
}

// normOf decodes the norm in an entries part.
func (p *part) norm() float64 { return math.Float64frombits(p.aux) }

// align returns n rounded up to the alignment of parts.
func align(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }
