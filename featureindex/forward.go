package featureindex

import "slices"

// forward is the codes of one view, by document.
type forward struct {
	narrow      []uint16 // features where they fit 16 bits
	wide        []uint32 // features where they do not
	activations []float32
	halves      []uint16 // activations as float16, instead
	rows        []uint32 // nil when all codes are as long as stride
	stride      int
	total       int // postings
}

// newForward lays the arrays over the parts of a view of n documents.
func newForward(p *partReader, view, n int) (forward, error) {
	var f forward
	if p.o.narrow() {
		f.narrow = items[uint16](p, kindFeatures, view, -1)
		f.total = len(f.narrow)
	} else {
		f.wide = items[uint32](p, kindFeatures, view, -1)
		f.total = len(f.wide)
	}
	if p.o.Half {
		f.halves = items[uint16](p, kindActivations, view, f.total)
	} else {
		f.activations = items[float32](p, kindActivations, view, f.total)
	}
	switch {
	case p.has(kindRows, view):
		f.rows = items[uint32](p, kindRows, view, n+1)
	case n > 0 && f.total%n == 0:
		f.stride = f.total / n
	case f.total > 0:
		return f, corrupt("directory", -1, "%d postings of view %s for %d documents without rows", f.total, p.o.Views[view], n)
	}
	if uint64(f.total) > MaxPostings {
		return f, corrupt("directory", -1, "%d postings of view %s", f.total, p.o.Views[view])
	}
	return f, p.err
}

// bounds returns where the code of a document lies. A damaged row is empty.
func (f *forward) bounds(doc int) (start, end int) {
	if f.rows == nil {
		return doc * f.stride, (doc + 1) * f.stride
	}
	start, end = int(f.rows[doc]), int(f.rows[doc+1])
	if start > end || end > f.total {
		return 0, 0
	}
	return start, end
}

// appendFeatures appends the features of the postings start to end.
func (f *forward) appendFeatures(dst []uint32, start, end int) []uint32 {
	if f.wide != nil {
		return append(dst, f.wide[start:end]...)
	}
	at := len(dst)
	dst = slices.Grow(dst, end-start)[:at+end-start]
	for i, x := range f.narrow[start:end] {
		dst[at+i] = uint32(x)
	}
	return dst
}

// appendActivations appends the activations of the postings start to end.
func (f *forward) appendActivations(dst []float32, start, end int) []float32 {
	if f.halves == nil {
		return append(dst, f.activations[start:end]...)
	}
	for _, h := range f.halves[start:end] {
		dst = append(dst, fromHalf(h))
	}
	return dst
}

// code returns the code of a document in the memory of scratch, which grows
// where it must; activations may lie in the section itself.
func (f *forward) code(doc int, scratch *Code) Code {
	start, end := f.bounds(doc)
	scratch.Features = f.appendFeatures(scratch.Features[:0], start, end)
	if f.halves == nil {
		return Code{scratch.Features, f.activations[start:end:end]}
	}
	scratch.Activations = f.appendActivations(scratch.Activations[:0], start, end)
	return Code{scratch.Features, scratch.Activations}
}

// raw returns the code of a document as it lies in the section.
func (f *forward) raw(doc int) (features, activations []byte) {
	start, end := f.bounds(doc)
	if f.wide != nil {
		features = bytesOf(f.wide[start:end])
	} else {
		features = bytesOf(f.narrow[start:end])
	}
	if f.halves != nil {
		return features, bytesOf(f.halves[start:end])
	}
	return features, bytesOf(f.activations[start:end])
}

// has tells whether a feature is in the code of a document.
func (f *forward) has(doc int, feature uint32) bool {
	start, end := f.bounds(doc)
	if start == end {
		return false
	}
	var found bool
	if f.wide != nil {
		_, found = slices.BinarySearch(f.wide[start:end], feature)
	} else if feature < 1<<16 {
		_, found = slices.BinarySearch(f.narrow[start:end], uint16(feature))
	}
	return found
}
