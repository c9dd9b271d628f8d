package featureindex

import (
	"slices"
	"sync"
	"unsafe"
)

// A scorer computes exact scores from the codes of documents. The score of a
// document is the float64 sum, over the views in order and the features of each
// in ascending order, of weight·activation; each product is exact in float64.
type scorer struct {
	views   []forward
	terms   []weighted
	weights *[1 << 16]float32 // by feature, where features fit 16 bits; else nil
}

var weightTables = sync.Pool{New: func() any { return new([1 << 16]float32) }}

// newScorer returns a scorer for terms in ascending order; close returns its
// memory.
func newScorer(views []forward, terms []weighted, narrow bool) *scorer {
	s := &scorer{views: views, terms: terms}
	if narrow {
		s.weights = weightTables.Get().(*[1 << 16]float32)
		for _, t := range terms {
			s.weights[t.feature] = t.weight
		}
	}
	return s
}

func (s *scorer) close() {
	if s.weights == nil {
		return
	}
	for _, t := range s.terms {
		s.weights[t.feature] = 0
	}
	weightTables.Put(s.weights)
}

// score returns the score of a document and whether it has any of the features.
func (s *scorer) score(doc int) (score float64, matched bool) {
	for i := range s.views {
		f := &s.views[i]
		start, end := f.bounds(doc)
		var m bool
		switch {
		case s.weights == nil:
			score, m = s.wide(f, start, end, score)
		case f.halves != nil:
			score, m = s.half(f.narrow[start:end], f.halves[start:end], score)
		default:
			score, m = s.narrow(f.narrow[start:end], f.activations[start:end], score)
		}
		matched = matched || m
	}
	return score, matched
}

// narrow adds the products of a code to sum.
func (s *scorer) narrow(features []uint16, activations []float32, sum float64) (float64, bool) {
	activations = activations[:len(features)]
	matched := false
	for i, f := range features {
		if w := s.weights[f]; w != 0 {
			sum += float64(w) * float64(activations[i])
			matched = true
		}
	}
	return sum, matched
}

// half is narrow for float16 activations.
func (s *scorer) half(features, activations []uint16, sum float64) (float64, bool) {
	activations = activations[:len(features)]
	matched := false
	for i, f := range features {
		if w := s.weights[f]; w != 0 {
			sum += float64(w) * float64(fromHalf(activations[i]))
			matched = true
		}
	}
	return sum, matched
}

// wide adds the products of the postings start to end of f to sum.
func (s *scorer) wide(f *forward, start, end int, sum float64) (float64, bool) {
	matched := false
	features := f.wide[start:end]
	at := 0
	for _, t := range s.terms {
		i, ok := slices.BinarySearch(features[at:], t.feature)
		at += i
		if !ok {
			continue
		}
		matched = true
		if f.halves != nil {
			sum += float64(t.weight) * float64(fromHalf(f.halves[start+at]))
		} else {
			sum += float64(t.weight) * float64(f.activations[start+at])
		}
	}
	return sum, matched
}

// prefetch brings the codes of a document into the cache.
func (s *scorer) prefetch(doc int) { prefetchCodes(s.views, doc) }

func prefetchCodes(views []forward, doc int) {
	for i := range views {
		f := &views[i]
		start, end := f.bounds(doc)
		if start == end {
			continue
		}
		prefetchItems(f.narrow, start, end)
		prefetchItems(f.wide, start, end)
		prefetchItems(f.activations, start, end)
		prefetchItems(f.halves, start, end)
	}
}

func prefetchItems[T uint16 | uint32 | float32](items []T, start, end int) {
	if items != nil {
		prefetch(unsafe.Pointer(&items[start]), uintptr(end-start)*unsafe.Sizeof(items[0]))
	}
}
