package plugin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	zap "github.com/blevesearch/zapx/v17"
)

// A segment's file is zap's, with a graft before zap's footer:
//
//	zap data | zeros to 64 | section | trailer | zap footer, its CRC-32 recomputed
//
// zap finds everything by offsets from the start of the file and reads the
// footer at its end, so that it never looks at the graft. The trailer is
// little-endian:
//
//	offset 8 | length 8 | lost 4 | CRC-32C of section 4 | version 2 | zero 2 | CRC-32C of what is before 4 | magic 4
//
// History of the version:
//
//	1  the first
const (
	trailerVersion = 1
	trailerSize    = 36
	trailerMagic   = "SAEG"
	alignment      = 64 // of the section, from the start of the file
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A trailer finds the section in a file.
type trailer struct {
	offset, length uint64 // of the section; no length: no section
	lost           uint32 // documents whose codes were lost in merges
	crc            uint32 // of the section
}

// append appends the trailer to b.
func (t trailer) append(b []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, t.offset)
	b = binary.LittleEndian.AppendUint64(b, t.length)
	b = binary.LittleEndian.AppendUint32(b, t.lost)
	b = binary.LittleEndian.AppendUint32(b, t.crc)
	b = binary.LittleEndian.AppendUint32(b, trailerVersion)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	return append(b, trailerMagic...)
}

// parseTrailer reads the trailer before zap's footer in a segment's file, and
// returns where in the file it lies.
func parseTrailer(file []byte) (t trailer, at int64, err error) {
	at = int64(len(file)) - zap.FooterSize - trailerSize
	if at < 0 {
		return t, 0, fmt.Errorf("file of %d bytes", len(file))
	}
	b := file[at : at+trailerSize]
	if string(b[trailerSize-4:]) != trailerMagic {
		return t, at, errors.New("no magic")
	}
	if crc32.Checksum(b[:trailerSize-8], castagnoli) != binary.LittleEndian.Uint32(b[trailerSize-8:]) {
		return t, at, errors.New("checksum differs")
	}
	if v := binary.LittleEndian.Uint32(b[24:]); v != trailerVersion {
		return t, at, fmt.Errorf("version %d, this program reads %d", v, trailerVersion)
	}
	t = trailer{
		offset: binary.LittleEndian.Uint64(b), length: binary.LittleEndian.Uint64(b[8:]),
		lost: binary.LittleEndian.Uint32(b[16:]), crc: binary.LittleEndian.Uint32(b[20:]),
	}
	if t.offset > uint64(at) || t.length != uint64(at)-t.offset {
		return t, at, fmt.Errorf("%d bytes of section at byte %d", t.length, t.offset)
	}
	return t, at, nil
}

// A sumWriter counts what passes and sums it up as zap's footer does.
type sumWriter struct {
	w   io.Writer
	n   int64
	crc uint32
}

func (s *sumWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	s.crc = crc32.Update(s.crc, crc32.IEEETable, p[:n])
	return n, err
}

// A holdingWriter passes on all it is given but the last bytes, as many as
// zap's footer has.
type holdingWriter struct {
	w    io.Writer
	held []byte
}

func (h *holdingWriter) Write(p []byte) (int, error) {
	if over := len(h.held) + len(p) - zap.FooterSize; over > 0 {
		old := min(over, len(h.held))
		if _, err := h.w.Write(h.held[:old]); err != nil {
			return 0, err
		}
		h.held = append(h.held[:0], h.held[old:]...)
		if _, err := h.w.Write(p[:over-old]); err != nil {
			return 0, err
		}
		h.held = append(h.held, p[over-old:]...)
		return len(p), nil
	}
	h.held = append(h.held, p...)
	return len(p), nil
}

// writeGraft ends a file of which w has seen zap's data: it writes a section,
// the trailer and zap's footer. write returns the section's length; it may
// write none.
func writeGraft(w *sumWriter, footer []byte, lost uint32, write func(io.Writer) (int64, error)) error {
	if err := checkFooter(footer); err != nil {
		return err
	}
	if _, err := w.Write(make([]byte, -w.n&(alignment-1))); err != nil {
		return err
	}
	t := trailer{offset: uint64(w.n), lost: lost}
	section := crc32.New(castagnoli)
	if _, err := write(io.MultiWriter(w, section)); err != nil {
		return err
	}
	t.length, t.crc = uint64(w.n)-t.offset, section.Sum32()
	if _, err := w.Write(append(t.append(nil), footer[:zap.FooterSize-4]...)); err != nil {
		return err
	}
	_, err := w.Write(binary.BigEndian.AppendUint32(nil, w.crc))
	return err
}

// checkFooter refuses a footer that names a writer hook: the section would be
// the only part of the file that did not pass it.
func checkFooter(footer []byte) error {
	if len(footer) != zap.FooterSize {
		return fmt.Errorf("zap footer of %d bytes", len(footer))
	}
	if binary.BigEndian.Uint32(footer) != 0 {
		return ErrWriterHook
	}
	return nil
}
