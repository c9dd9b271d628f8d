package featureindex

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"
)

// drawCode draws a code whose activations are of all magnitudes, and often tied.
func drawCode(t *rapid.T, features int) Code {
	set := rapid.SliceOfNDistinct(rapid.Uint32Range(0, uint32(features-1)), 0, min(features, 12), rapid.ID[uint32]).Draw(t, "features")
	slices.Sort(set)
	c := Code{Features: set, Activations: make([]float32, len(set))}
	for i := range set {
		c.Activations[i] = rapid.OneOf(
			rapid.SampledFrom([]float32{1, 2, math.SmallestNonzeroFloat32, math.MaxFloat32}),
			rapid.Float32Range(1e-3, 1e3),
		).Draw(t, "activation")
	}
	return c
}

// drawCorpus draws a few documents.
func drawCorpus(t *rapid.T) *corpus {
	features := rapid.SampledFrom([]int{1, 5, 40, 1 << 16, 1<<16 + 1}).Draw(t, "D")
	views := rapid.IntRange(1, 3).Draw(t, "views")
	dim := rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "dim")
	c := &corpus{o: Options{Fingerprint: "f", Features: features, Views: []string{"a", "b", "c"}[:views], Dim: dim}}
	for range rapid.IntRange(0, 20).Draw(t, "n") {
		var d Document
		for range views {
			d.Views = append(d.Views, drawCode(t, features))
		}
		vector := func(name string) []float32 {
			if dim == 0 || rapid.IntRange(0, 3).Draw(t, name) == 0 {
				return nil
			}
			return rapid.SliceOfN(rapid.Float32Range(-1e19, 1e19), dim, dim).Draw(t, name)
		}
		d.Embedding, d.Sum = vector("z"), vector("u")
		c.docs = append(c.docs, d)
	}
	return c
}

// drawSearch draws limits, a filter and deletions.
func drawSearch(t *rapid.T, n int) Search {
	bitmap := func(name string) *roaring.Bitmap {
		if rapid.Bool().Draw(t, name) {
			return nil
		}
		return roaring.BitmapOf(rapid.SliceOf(rapid.Uint32Range(0, uint32(n+2))).Draw(t, name)...)
	}
	return Search{
		K: rapid.IntRange(1, n+2).Draw(t, "k"), Threads: rapid.IntRange(0, 2).Draw(t, "threads"),
		Filter: bitmap("filter"), Deleted: bitmap("deleted"),
	}
}

// Whatever the documents are, the section of a merge is that of a build, it is
// valid, and it answers as brute force does.
func TestProperties(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCorpus(rt)
		cut := rapid.IntRange(0, len(c.docs)).Draw(rt, "cut")
		kept := &corpus{o: c.o}
		var inputs []Input
		for _, docs := range [][]Document{c.docs[:cut], c.docs[cut:]} {
			in := Input{Section: (&corpus{o: c.o, docs: docs}).open(t), Map: make([]uint64, len(docs))}
			for i, d := range docs {
				in.Map[i] = Dropped
				if rapid.IntRange(0, 3).Draw(rt, "drop") > 0 {
					in.Map[i] = uint64(len(kept.docs))
					kept.docs = append(kept.docs, d)
				}
			}
			inputs = append(inputs, in)
		}
		var merged bytes.Buffer
		if _, err := Merge(&merged, inputs, nil); err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(merged.Bytes(), kept.bytes(t)) {
			rt.Fatal("a merge differs from a build")
		}
		s, err := Open(merged.Bytes())
		if err != nil {
			rt.Fatal(err)
		}
		if err := s.Validate(); err != nil {
			rt.Fatal(err)
		}
		v, search := View(rapid.IntRange(-1, len(c.o.Views)-1).Draw(rt, "view")), drawSearch(rt, len(kept.docs))
		q := drawCode(rt, c.o.Features).terms(rt)
		got, err := s.Dot(ctx, v, q, search)
		if want := kept.dot(v, q, search); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("dot: %v %v, want %v", got, err, want)
		}
		got, err = s.Overlap(ctx, v, q.Features, 0, search)
		if want := kept.overlap(v, q.Features, 0, search); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("overlap: %v %v, want %v", got, err, want)
		}
		if c.o.Dim > 0 {
			query := rapid.SliceOfN(rapid.Float32Range(-1e19, 1e19), c.o.Dim, c.o.Dim).Draw(rt, "query")
			got, err = s.Dense(ctx, Sum, query, v, q, search)
			if want := kept.dense(Sum, query, v, q, search); err != nil || !slices.Equal(got, want) {
				rt.Fatalf("dense: %v %v, want %v", got, err, want)
			}
		}
	})
}

// terms returns a query with the features of a code and weights of either sign.
func (c Code) terms(t *rapid.T) Terms {
	weights := slices.Clone(c.Activations)
	for i := range weights {
		if rapid.IntRange(0, 4).Draw(t, "negative") == 0 {
			weights[i] = -weights[i]
		}
	}
	return Terms{c.Features, weights}
}
