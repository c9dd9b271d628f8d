package featureindex

import (
	"fmt"
	"unsafe"
)

// A Section is an open section. It may be used by several goroutines at once,
// for as long as the bytes it was opened over stay as they are.
type Section struct {
	data    []byte
	o       Options
	n       int
	parts   []part
	views   []forward
	sets    []lists // of the views and, with more than one view, of the union
	columns [columns]column
}

// A View selects what a query is asked about: a view, by its index in
// Options.Views, or the union of all views.
type View int

// Union selects the union of the views, in which the activation of a feature
// is the sum of its activations.
const Union View = -1

// Open lays a Section over data, which is not copied: it must not change and
// must stay mapped. It checks the structure of the section, everything that the
// kernels index by, but not the checksums of the parts: that is Validate. Its
// time is proportional to the number of features and blocks. It costs copies on
// big-endian machines, and where data is not aligned to 8 bytes.
func Open(data []byte) (*Section, error) {
	t, err := parseTrailer(data)
	if err != nil {
		return nil, err
	}
	parts, err := parseDirectory(data[t.directory:uint64(len(data))-trailerSize], t.directory)
	if err != nil {
		return nil, err
	}
	p := &partReader{data: data, parts: parts}
	s := &Section{data: data, parts: parts}
	if s.o, s.n, err = parseHeader(p.bytes(kindHeader, 0)); err != nil {
		return nil, err
	}
	p.o = &s.o
	if err := s.open(p); err != nil {
		return nil, err
	}
	return s, nil
}

// open lays the arrays over the parts.
func (s *Section) open(p *partReader) error {
	for v := range s.o.Views {
		f, err := newForward(p, v, s.n)
		if err != nil {
			return err
		}
		s.views = append(s.views, f)
	}
	for l := range s.o.lists() {
		set, err := newLists(p, l, s.n)
		if err != nil {
			return err
		}
		s.sets = append(s.sets, set)
	}
	if s.o.Dim == 0 {
		return p.err
	}
	for c := range s.columns {
		var err error
		if s.columns[c], err = newColumn(p, c, s.n); err != nil {
			return err
		}
	}
	return nil
}

// A partReader finds the parts of a section. Its first error stays.
type partReader struct {
	data  []byte
	parts []part
	o     *Options
	err   error
}

// part returns a part of the directory, empty where there is none.
func (p *partReader) part(k kind, list int) *part {
	for i := range p.parts {
		if p.parts[i].kind == k && int(p.parts[i].list) == list {
			return &p.parts[i]
		}
	}
	return &part{kind: k, list: uint16(list)}
}

// has tells whether the directory names a part.
func (p *partReader) has(k kind, list int) bool {
	for i := range p.parts {
		if p.parts[i].kind == k && int(p.parts[i].list) == list {
			return true
		}
	}
	return false
}

// bytes returns the bytes of a part that must be there.
func (p *partReader) bytes(k kind, list int) []byte {
	if !p.has(k, list) {
		if p.err == nil {
			p.err = corrupt("directory", -1, "no part %s %d", kindNames[k], list)
		}
		return nil
	}
	q := p.part(k, list)
	return p.data[q.offset : q.offset+q.length : q.offset+q.length]
}

// corrupt returns an error at a byte of a part.
func (p *partReader) corrupt(k kind, list, at int, format string, args ...any) error {
	q := p.part(k, list)
	return corrupt(q.name(p.o), int64(q.offset)+int64(at), format, args...)
}

// items returns the items of a part that must be there; want is their number,
// or -1 for any.
func items[T fixed](p *partReader, k kind, list, want int) []T {
	b := p.bytes(k, list)
	var item T
	size := int(unsafe.Sizeof(item))
	if p.err == nil && (len(b)%size != 0 || want >= 0 && len(b) != want*size) {
		p.err = p.corrupt(k, list, 0, "%d bytes, want %d items of %d", len(b), want, size)
	}
	if p.err != nil {
		return nil
	}
	return array[T](b)
}

// Len returns the number of documents.
func (s *Section) Len() int { return s.n }

// Options returns what the section holds.
func (s *Section) Options() Options { return s.o.clone() }

// set returns the list set of a view.
func (s *Section) set(v View) (*lists, error) {
	switch {
	case v == Union:
		return &s.sets[len(s.sets)-1], nil
	case v < 0 || int(v) >= len(s.views):
		return nil, fmt.Errorf("%w: view %d of %d", ErrQuery, v, len(s.views))
	}
	return &s.sets[v], nil
}

// of returns the codes that make up a view: one, or all for the union.
func (s *Section) of(v View) []forward {
	if v == Union {
		return s.views
	}
	return s.views[v : v+1]
}

// Code returns the code of a document in a view, as copies, or an empty code
// where there is no such view or document. For the union, the activations are
// the float64 sums rounded to float32.
func (s *Section) Code(v View, doc int) Code {
	if doc < 0 || doc >= s.n || v < Union || int(v) >= len(s.views) {
		return Code{}
	}
	if v != Union {
		return s.AppendCode(Code{}, v, doc)
	}
	var codes [MaxViews]Code
	for i := range s.views {
		codes[i] = s.Code(View(i), doc)
	}
	features, sums := unite(codes[:len(s.views)], nil, nil)
	c := Code{features, make([]float32, len(sums))}
	for i, x := range sums {
		c.Activations[i] = float32(x)
	}
	return c
}

// AppendCode appends the code of a document in a view, which is not Union, to c:
// nothing where there is no such view or document.
func (s *Section) AppendCode(c Code, v View, doc int) Code {
	if doc < 0 || doc >= s.n || v < 0 || int(v) >= len(s.views) {
		return c
	}
	f := &s.views[v]
	start, end := f.bounds(doc)
	return Code{f.appendFeatures(c.Features, start, end), f.appendActivations(c.Activations, start, end)}
}

// Prefetch asks for the codes of a document to be brought into the cache.
func (s *Section) Prefetch(doc int) {
	if doc >= 0 && doc < s.n {
		prefetchCodes(s.views, doc)
	}
}

// ActiveIn returns the views in which a feature of a document is active, view i
// as bit i: 0 for a document that is not there.
func (s *Section) ActiveIn(doc int, feature uint32) uint8 {
	mask := uint8(0)
	if doc < 0 || doc >= s.n {
		return mask
	}
	for v := range s.views {
		if s.views[v].has(doc, feature) {
			mask |= 1 << v
		}
	}
	return mask
}

// DocumentFrequency returns the number of documents in which a feature is
// active, 0 for a view that is not there.
func (s *Section) DocumentFrequency(v View, feature uint32) int {
	set, err := s.set(v)
	if err != nil {
		return 0
	}
	slot := set.find(feature)
	if slot < 0 {
		return 0
	}
	return int(set.entries[slot].Documents)
}

// Vector returns the vector of a document in a column, or nil where it has none.
// It shares the section's memory: do not write to it.
func (s *Section) Vector(c Column, doc int) []float32 {
	if doc < 0 || doc >= s.n || c < 0 || c >= columns {
		return nil
	}
	return s.columns[c].vector(doc)
}
