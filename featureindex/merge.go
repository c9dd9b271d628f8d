package featureindex

import (
	"fmt"
	"io"
	"math"
)

// Dropped marks, in an Input's Map, a document that the merge leaves out.
const Dropped = math.MaxUint64

// An Input is a section to be merged. Map has the new number of each of its
// documents, or Dropped; a nil Map keeps all documents.
type Input struct {
	Section *Section
	Map     []uint64
}

// Merge writes the section of the documents that the inputs keep, and returns
// its length. The inputs follow one another: new numbers count up from 0 over
// the documents kept, in the order of the inputs and of their documents, or the
// error wraps ErrMap. The result is byte for byte what a Builder would have
// written for the same documents, if the inputs are whole: where codes and
// entries of an input do not agree, the error is a CorruptionError, but other
// damage may pass into the result. Compare checksums before.
//
// The inputs are read several times, and what is held in memory are tables by
// feature and block and a band of at most 16 Mi postings: some 90 MB for a
// million documents or for ten. When cancel, which may be nil, is closed, Merge stops with ErrCanceled.
func Merge(w io.Writer, inputs []Input, cancel <-chan struct{}) (int64, error) {
	src := &mergeSource{inputs: inputs, cancel: cancel}
	if err := src.check(); err != nil {
		return 0, err
	}
	return encode(w, src)
}

// A mergeSource is the documents that inputs keep.
type mergeSource struct {
	inputs  []Input
	cancel  <-chan struct{}
	n       int
	recount bool // believe nothing but codes and vectors
}

// check compares the inputs, checks their maps and counts the documents.
func (m *mergeSource) check() error {
	if len(m.inputs) == 0 {
		return fmt.Errorf("%w: nothing to merge", ErrMismatch)
	}
	first := m.inputs[0].Section
	for i, in := range m.inputs {
		if d := first.o.differ(&in.Section.o); d != "" {
			return fmt.Errorf("%w: input %d: %s", ErrMismatch, i, d)
		}
		if in.Map == nil {
			m.n += in.Section.n
			continue
		}
		if len(in.Map) != in.Section.n {
			return fmt.Errorf("%w: input %d: %d numbers for %d documents", ErrMap, i, len(in.Map), in.Section.n)
		}
		for doc, to := range in.Map {
			if to == Dropped {
				continue
			}
			if to != uint64(m.n) {
				return fmt.Errorf("%w: input %d: document %d becomes %d, want %d", ErrMap, i, doc, to, m.n)
			}
			m.n++
		}
	}
	if m.n > MaxDocuments {
		return fmt.Errorf("%w: %d documents", ErrTooLarge, m.n)
	}
	return nil
}

func (m *mergeSource) options() *Options { return &m.inputs[0].Section.o }
func (m *mergeSource) documents() int    { return m.n }
func (m *mergeSource) walk() walker      { return &mergeWalker{m: m, doc: -1} }

// known adds up the entries of the inputs, where these lose no document: a
// scale grows with the largest activation, so that the largest scale is that of
// all, and so with the norm.
func (m *mergeSource) known(list int) (entries []entry, norm float64, ok bool) {
	kept := 0
	for _, in := range m.inputs {
		kept += in.Section.n
	}
	if m.recount || kept != m.n {
		return nil, 0, false
	}
	for _, in := range m.inputs {
		set := &in.Section.sets[list]
		entries, norm = addEntries(entries, set.entries), max(norm, set.norm)
	}
	return entries, norm, true
}

// addEntries returns the entries of both, which ascend by feature.
func addEntries(a, b []entry) []entry {
	all := make([]entry, 0, max(len(a), len(b)))
	for len(a) > 0 && len(b) > 0 {
		switch x, y := a[0], b[0]; {
		case x.Feature < y.Feature:
			all, a = append(all, x), a[1:]
		case x.Feature > y.Feature:
			all, b = append(all, y), b[1:]
		default:
			all = append(all, entry{Feature: x.Feature, Scale: max(x.Scale, y.Scale), Documents: x.Documents + y.Documents})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// A mergeWalker walks the documents kept.
type mergeWalker struct {
	m       *mergeSource
	input   int
	doc     int // of the input
	steps   int
	scratch [MaxViews]Code
	failed  error
}

// prefetchAhead is how many documents ahead codes are asked for.
const prefetchAhead = 12

func (w *mergeWalker) next() bool {
	for w.input < len(w.m.inputs) {
		in := &w.m.inputs[w.input]
		for w.doc++; w.doc < in.Section.n; w.doc++ {
			if in.Map == nil || in.Map[w.doc] != Dropped {
				in.Section.Prefetch(w.doc + prefetchAhead)
				return !w.canceled()
			}
		}
		w.input, w.doc = w.input+1, -1
	}
	return false
}

// canceled looks at the cancel channel now and then.
func (w *mergeWalker) canceled() bool {
	const every = 1024
	if w.steps++; w.steps%every != 1 {
		return false
	}
	select {
	case <-w.m.cancel:
		w.failed = ErrCanceled
		return true
	default:
		return false
	}
}

func (w *mergeWalker) code(view int) Code {
	return w.m.inputs[w.input].Section.views[view].code(w.doc, &w.scratch[view])
}

func (w *mergeWalker) raw(view int) (features, activations []byte) {
	return w.m.inputs[w.input].Section.views[view].raw(w.doc)
}

func (w *mergeWalker) vector(column int) []float32 {
	return w.m.inputs[w.input].Section.columns[column].vector(w.doc)
}

func (w *mergeWalker) err() error { return w.failed }
