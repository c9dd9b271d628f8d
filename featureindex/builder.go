package featureindex

import (
	"fmt"
	"io"
	"math"
)

// A Builder gathers the documents of a section in memory, numbered from 0 in
// the order in which they are added. It is not safe for concurrent use.
type Builder struct {
	o    Options
	n    int
	view []builderView
	cols [columns]builderColumn
}

// A builderView holds the codes of one view, which lie in chunks, so that none
// is ever moved.
type builderView struct {
	codes    []Code
	free     Code // the rest of the last chunk
	postings int
}

// chunkPostings is how many postings a chunk of a builderView has at most, if
// it is not for one longer code.
const chunkPostings = 1 << 16

// A builderColumn holds the vectors of one column.
type builderColumn struct {
	present []bool
	values  []float32
}

// NewBuilder returns an empty Builder, or an error that wraps ErrOptions.
func NewBuilder(o Options) (*Builder, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Builder{o: o.clone(), view: make([]builderView, len(o.Views))}, nil
}

// Len returns the number of documents added.
func (b *Builder) Len() int { return b.n }

// Add appends a document, of which it keeps copies. An error wraps ErrDocument
// or ErrTooLarge and leaves the Builder as it was.
func (b *Builder) Add(d Document) error {
	if err := b.check(d); err != nil {
		return err
	}
	for v := range b.view {
		b.view[v].add(d.Views[v], b.o.Half)
	}
	if b.o.Dim > 0 {
		b.cols[Embedding].add(d.Embedding)
		b.cols[Sum].add(d.Sum)
	}
	b.n++
	return nil
}

// check returns what is wrong with d.
func (b *Builder) check(d Document) error {
	if b.n == MaxDocuments {
		return fmt.Errorf("%w: %d documents", ErrTooLarge, b.n)
	}
	if len(d.Views) != len(b.view) {
		return fmt.Errorf("%w: codes of %d views, want %d", ErrDocument, len(d.Views), len(b.view))
	}
	for v, c := range d.Views {
		if err := c.check(b.o.Features); err != nil {
			return fmt.Errorf("%w: view %s: %w", ErrDocument, b.o.Views[v], err)
		}
		if b.o.Half {
			for i, a := range c.Activations {
				if _, ok := toHalf(a); !ok {
					return fmt.Errorf("%w: view %s: feature %d has activation %v, beyond float16", ErrDocument, b.o.Views[v], c.Features[i], a)
				}
			}
		}
		if uint64(b.view[v].postings)+uint64(len(c.Features)) > MaxPostings {
			return fmt.Errorf("%w: more than %d postings of view %s", ErrTooLarge, uint32(MaxPostings), b.o.Views[v])
		}
	}
	for c, vector := range [columns][]float32{d.Embedding, d.Sum} {
		if err := checkVector(vector, b.o.Dim); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDocument, columnNames[c], err)
		}
	}
	return nil
}

// checkVector returns an error for a vector that is neither nil nor dim finite
// components.
func checkVector(v []float32, dim int) error {
	if v != nil && len(v) != dim {
		return fmt.Errorf("%d components, want %d", len(v), dim)
	}
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("component %d is %v", i, x)
		}
	}
	return nil
}

// add appends a code, rounded to float16 where half is set.
func (v *builderView) add(c Code, half bool) {
	n := len(c.Features)
	if n > len(v.free.Features) {
		// The first chunk is small, for sections of few documents.
		size := max(n, min(chunkPostings, v.postings))
		v.free = Code{make([]uint32, size), make([]float32, size)}
	}
	own := Code{v.free.Features[:n:n], v.free.Activations[:n:n]}
	v.free = Code{v.free.Features[n:], v.free.Activations[n:]}
	copy(own.Features, c.Features)
	copy(own.Activations, c.Activations)
	if half {
		for i, a := range own.Activations {
			bits, _ := toHalf(a)
			own.Activations[i] = fromHalf(bits)
		}
	}
	v.codes = append(v.codes, own)
	v.postings += n
}

// add appends a vector or, for nil, its absence.
func (c *builderColumn) add(vector []float32) {
	c.present = append(c.present, vector != nil)
	c.values = append(c.values, vector...)
}

// SizeHint returns about how many bytes WriteTo writes.
func (b *Builder) SizeHint() int {
	const lists, vector = 3, 5 // bytes of a posting in lists, of a component in vectors
	sets, size := min(2, b.o.lists()), 1<<12
	for v := range b.view {
		size += b.view[v].postings * (b.o.featureBytes() + 4 + lists*sets)
	}
	for c := range b.cols {
		size += vector * len(b.cols[c].values)
	}
	return size
}

// WriteTo writes the section and returns its length in bytes. The Builder may
// be added to and written again.
func (b *Builder) WriteTo(w io.Writer) (int64, error) { return encode(w, b) }

func (b *Builder) options() *Options { return &b.o }
func (b *Builder) documents() int    { return b.n }
func (b *Builder) walk() walker      { return &builderWalker{b: b, doc: -1} }

func (b *Builder) known(int) ([]entry, float64, bool) { return nil, 0, false }

// A builderWalker walks a Builder's documents.
type builderWalker struct {
	b      *Builder
	doc    int
	before [columns]int // vectors of each column before doc

	narrow, halves []uint16 // scratch of raw
}

func (w *builderWalker) next() bool {
	if w.doc >= 0 && w.b.o.Dim > 0 {
		for c := range w.before {
			if w.b.cols[c].present[w.doc] {
				w.before[c]++
			}
		}
	}
	w.doc++
	return w.doc < w.b.n
}

func (w *builderWalker) code(view int) Code { return w.b.view[view].codes[w.doc] }

func (w *builderWalker) raw(view int) (features, activations []byte) {
	c := w.code(view)
	features, activations = bytesOf(c.Features), bytesOf(c.Activations)
	if w.b.o.narrow() {
		w.narrow = w.narrow[:0]
		for _, f := range c.Features {
			w.narrow = append(w.narrow, uint16(f))
		}
		features = bytesOf(w.narrow)
	}
	if w.b.o.Half {
		w.halves = w.halves[:0]
		for _, a := range c.Activations {
			bits, _ := toHalf(a)
			w.halves = append(w.halves, bits)
		}
		activations = bytesOf(w.halves)
	}
	return features, activations
}

func (w *builderWalker) vector(column int) []float32 {
	c := &w.b.cols[column]
	if !c.present[w.doc] {
		return nil
	}
	at := w.before[column] * w.b.o.Dim
	return c.values[at : at+w.b.o.Dim]
}

func (w *builderWalker) err() error { return nil }
