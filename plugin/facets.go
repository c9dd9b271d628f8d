package plugin

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Facets are counts of features over documents, all of them exact.
type Facets struct {
	Documents uint64  // counted over
	Counts    []Facet // of the features that occur: frequent ones first, then lower ones

	byFeature []uint64
}

// A Facet says in how many documents a feature is active.
type Facet struct {
	Feature   uint32
	Documents uint64
}

func newFacets() *Facets { return &Facets{} }

// Top returns the n most frequent features, and the sum of the other counts.
func (f *Facets) Top(n int) (top []Facet, other uint64) {
	n = max(0, min(n, len(f.Counts)))
	for _, c := range f.Counts[n:] {
		other += c.Documents
	}
	return f.Counts[:n:n], other
}

// count adds the documents of a part.
func (f *Facets) count(ctx context.Context, p *part, view string, docs *roaring.Bitmap) error {
	f.Documents += docs.GetCardinality()
	section := p.codes.section()
	if section == nil || docs.IsEmpty() {
		return ctx.Err()
	}
	v, err := findView(p.codes.names, view)
	if err != nil {
		return err
	}
	counts, err := section.Facets(ctx, v, docs)
	if err != nil {
		return queryError(err)
	}
	if more := len(counts) - len(f.byFeature); more > 0 {
		f.byFeature = append(f.byFeature, make([]uint64, more)...)
	}
	for feature, n := range counts {
		f.byFeature[feature] += uint64(n)
	}
	return nil
}

// featureBits is how many bits a feature takes: the others of 64 count more
// documents than an index has.
const featureBits = 24

// finish sorts the counts.
func (f *Facets) finish() *Facets {
	keys := make([]uint64, 0, len(f.byFeature))
	for feature, n := range f.byFeature {
		if n > 0 {
			keys = append(keys, ^n<<featureBits|uint64(feature))
		}
	}
	slices.Sort(keys)
	f.Counts = make([]Facet, len(keys))
	for i, key := range keys {
		f.Counts[i] = Facet{uint32(key & (1<<featureBits - 1)), ^key >> featureBits}
	}
	f.byFeature = nil
	return f
}
