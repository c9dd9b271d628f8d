package featureindex

import (
	"hash/crc32"
	"io"
)

// flushBytes is how much a partWriter gathers before it writes.
const flushBytes = 1 << 18

// A partWriter writes the parts of a section one after the other, then the
// directory and the trailer. The first error ends it: later calls do nothing.
type partWriter struct {
	w       io.Writer
	written int64 // bytes given to w
	buf     []byte
	parts   []part
	err     error
}

// begin starts a part at the next aligned offset.
func (p *partWriter) begin(k kind, list int) {
	p.pad()
	p.parts = append(p.parts, part{kind: k, list: uint16(list), offset: uint64(p.written)})
}

// write appends to the part.
func (p *partWriter) write(b []byte) {
	p.buf = append(p.buf, b...)
	if len(p.buf) >= flushBytes {
		p.flush()
	}
}

// end closes the part.
func (p *partWriter) end(aux uint64) {
	p.flush()
	last := &p.parts[len(p.parts)-1]
	last.length, last.aux = uint64(p.written)-last.offset, aux
}

// flush hands what was gathered to the writer and to the part's checksum.
func (p *partWriter) flush() {
	if n := len(p.parts); n > 0 {
		p.parts[n-1].crc = crc32.Update(p.parts[n-1].crc, castagnoli, p.buf)
	}
	p.put(p.buf)
	p.buf = p.buf[:0]
}

// put writes bytes that belong to no part.
func (p *partWriter) put(b []byte) {
	if p.err != nil || len(b) == 0 {
		return
	}
	n, err := p.w.Write(b)
	p.written += int64(n)
	p.err = err
}

// pad writes zeros up to the alignment.
func (p *partWriter) pad() {
	var zeros [alignment]byte
	p.put(zeros[:align(p.written)-p.written])
}

// finish writes directory and trailer.
func (p *partWriter) finish() {
	p.pad()
	directory := appendDirectory(nil, p.parts)
	t := trailer{
		directory: uint64(p.written), directoryLength: uint64(len(directory)),
		length:       uint64(p.written) + uint64(len(directory)) + trailerSize,
		directoryCRC: checksum(directory),
		write:        writeVersion, readMin: readMinVersion,
	}
	p.put(appendTrailer(directory, t))
}
