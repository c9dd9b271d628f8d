package featureindex

import (
	"bytes"
	"errors"
)

// errDiffers is the cause of a byte that does not follow from the codes and
// vectors of a section.
var errDiffers = errors.New("does not follow from the codes and vectors")

// Validate checks every byte of the section: the checksums, the codes and
// vectors, and, by writing the section anew from these and comparing, that
// lists, impacts, scales, scan vectors, directory and padding are exactly what
// they must be. It takes about as long as a merge and as much memory. An error
// is a CorruptionError.
func (s *Section) Validate() error {
	for i := range s.parts {
		p := &s.parts[i]
		if checksum(s.data[p.offset:p.offset+p.length]) != p.crc {
			return corrupt(p.name(&s.o), int64(p.offset), "checksum")
		}
	}
	if err := s.validateDocuments(); err != nil {
		return err
	}
	c := &comparer{s: s}
	n, err := encode(c, &mergeSource{inputs: []Input{{Section: s}}, n: s.n, recount: true})
	if err == nil && n != int64(len(s.data)) {
		err = c.differs(n)
	}
	return err
}

// validateDocuments checks the codes and the vectors of each document.
func (s *Section) validateDocuments() error {
	var scratch Code
	for v := range s.views {
		f := &s.views[v]
		end := 0
		for doc := range s.n {
			if f.rows != nil && (int(f.rows[doc]) != end || f.rows[doc+1] < f.rows[doc] || int(f.rows[doc+1]) > f.total) {
				return corrupt("rows of "+s.o.Views[v], -1, "document %d", doc)
			}
			_, end = f.bounds(doc)
			if err := f.code(doc, &scratch).check(s.o.Features); err != nil {
				return corrupt("codes of "+s.o.Views[v], -1, "document %d: %w", doc, err)
			}
		}
		if end != f.total {
			return corrupt("rows of "+s.o.Views[v], -1, "%d postings in rows, want %d", end, f.total)
		}
	}
	for c := range s.columns {
		for doc := range s.n {
			if err := checkVector(s.columns[c].vector(doc), s.o.Dim); err != nil {
				return corrupt("vectors of "+columnNames[c], -1, "document %d: %w", doc, err)
			}
		}
	}
	return nil
}

// A comparer is a Writer that takes only the bytes of a section, in order.
type comparer struct {
	s  *Section
	at int
}

func (c *comparer) Write(b []byte) (int, error) {
	want := c.s.data[c.at:]
	if len(want) >= len(b) && bytes.Equal(want[:len(b)], b) {
		c.at += len(b)
		return len(b), nil
	}
	same := 0
	for same < min(len(b), len(want)) && b[same] == want[same] {
		same++
	}
	return same, c.differs(int64(c.at + same))
}

// differs returns the error of a byte that is not as it must be.
func (c *comparer) differs(at int64) error {
	name := "padding or directory"
	for i := range c.s.parts {
		if p := &c.s.parts[i]; uint64(at) >= p.offset && uint64(at) < p.offset+p.length {
			name = p.name(&c.s.o)
		}
	}
	return corrupt(name, at, "%w", errDiffers)
}
