package featureindex

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// A corpus is documents and what their section must be, by brute force.
type corpus struct {
	o    Options
	docs []Document
}

// shape says what randomCorpus makes.
type shape struct {
	n, features, views, k, dim int
	half, ties                 bool
}

// randomCorpus returns documents with skewed features; some have no codes or no
// vectors.
func randomCorpus(r *rand.Rand, sh shape) *corpus {
	c := &corpus{o: Options{Fingerprint: "test", Features: sh.features, Views: []string{"original", "qa", "summary", "purpose"}[:sh.views], Dim: sh.dim, Half: sh.half}}
	for range sh.n {
		d := Document{}
		for range sh.views {
			d.Views = append(d.Views, randomCode(r, sh))
		}
		if sh.dim > 0 && r.IntN(8) > 0 {
			d.Embedding = randomVector(r, sh.dim)
		}
		if sh.dim > 0 && r.IntN(8) > 0 {
			d.Sum = randomVector(r, sh.dim)
		}
		c.docs = append(c.docs, d)
	}
	return c
}

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func randomCode(r *rand.Rand, sh shape) Code {
	k := sh.k
	switch r.IntN(10) {
	case 0:
		k = 0
	case 1:
		k = r.IntN(sh.k + 1)
	}
	set := map[uint32]bool{}
	for range k {
		f := uint32(math.Pow(float64(sh.features), r.Float64()))
		set[min(f, uint32(sh.features))-1] = true
	}
	var c Code
	for f := range set {
		c.Features = append(c.Features, f)
	}
	slices.Sort(c.Features)
	for range c.Features {
		a := float32(math.Exp(r.NormFloat64()))
		if sh.ties {
			a = float32(1 + r.IntN(2))
		}
		if sh.half {
			bits, _ := toHalf(a)
			a = fromHalf(bits)
		}
		c.Activations = append(c.Activations, a)
	}
	return c
}

// bytes returns the section.
func (c *corpus) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := NewBuilder(c.o)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range c.docs {
		if err := b.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	n, err := b.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatal(n, out.Len(), err)
	}
	return out.Bytes()
}

// open returns the section, open.
func (c *corpus) open(t testing.TB) *Section {
	t.Helper()
	s, err := Open(c.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// codes returns the codes that make up a view.
func (c *corpus) codes(v View, doc int) []Code {
	if v == Union {
		return c.docs[doc].Views
	}
	return c.docs[doc].Views[v : v+1]
}

// dot is Dot by brute force.
func (c *corpus) dot(v View, q Terms, search Search) []Hit {
	weights := map[uint32]float32{}
	for i, f := range q.Features {
		weights[f] = q.Weights[i]
	}
	var hits []Hit
	for doc := range c.docs {
		sum, matched := 0.0, false
		for _, code := range c.codes(v, doc) {
			for i, f := range code.Features {
				if w := weights[f]; w != 0 {
					sum += float64(w) * float64(code.Activations[i])
					matched = true
				}
			}
		}
		if matched && search.allows(uint32(doc)) {
			hits = append(hits, Hit{uint32(doc), sum})
		}
	}
	return topOf(hits, search.K)
}

// overlap is Overlap by brute force.
func (c *corpus) overlap(v View, features []uint32, minimum int, search Search) []Hit {
	var hits []Hit
	for doc := range c.docs {
		shared := 0
		for _, f := range c.support(v, doc) {
			if slices.Contains(features, f) {
				shared++
			}
		}
		if shared >= max(1, minimum) && search.allows(uint32(doc)) {
			hits = append(hits, Hit{uint32(doc), float64(shared)})
		}
	}
	return topOf(hits, search.K)
}

// support returns the features of a document.
func (c *corpus) support(v View, doc int) []uint32 {
	var features []uint32
	for _, code := range c.codes(v, doc) {
		features = append(features, code.Features...)
	}
	slices.Sort(features)
	return slices.Compact(features)
}

// facets is Facets by brute force.
func (c *corpus) facets(v View, documents *roaring.Bitmap) []uint32 {
	counts := make([]uint32, c.o.Features)
	for doc := range c.docs {
		if documents == nil || documents.Contains(uint32(doc)) {
			for _, f := range c.support(v, doc) {
				counts[f]++
			}
		}
	}
	return counts
}

// topOf sorts hits by the definition and cuts them.
func topOf(hits []Hit, k int) []Hit {
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(b.Score, a.Score) })
	return hits[:min(k, len(hits))]
}

// randomTerms returns a query over features that are rather common.
func randomTerms(r *rand.Rand, sh shape, negative bool) Terms {
	c := randomCode(r, shape{features: sh.features, k: 1 + r.IntN(2*sh.k), ties: sh.ties})
	q := Terms{c.Features, slices.Clone(c.Activations)}
	for i := range q.Weights {
		if negative && r.IntN(2) == 0 {
			q.Weights[i] = -q.Weights[i]
		}
		if r.IntN(20) == 0 {
			q.Weights[i] = 0
		}
	}
	return q
}

// randomSearch returns limits, filters and deletions of all sizes.
func randomSearch(r *rand.Rand, n int) Search {
	s := Search{K: []int{1, 10, 100, n + 5}[r.IntN(4)], Threads: r.IntN(3)}
	if r.IntN(3) == 0 {
		s.Filter = randomBitmap(r, n)
	}
	if r.IntN(3) == 0 {
		s.Deleted = randomBitmap(r, n)
	}
	return s
}

func randomBitmap(r *rand.Rand, n int) *roaring.Bitmap {
	b := roaring.New()
	one := 1 + r.IntN(10)
	if r.IntN(3) == 0 {
		one = 1 + n/5
	}
	for doc := range n + 3 {
		if r.IntN(one) == 0 {
			b.Add(uint32(doc))
		}
	}
	return b
}

// sameHits compares hits; scores must be equal to the last bit.
func sameHits(t testing.TB, what string, got, want []Hit) {
	t.Helper()
	if !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("%s: %d hits, want %d; differ at %d: %v, want %v", what, len(got), len(want), i, got[i:min(len(got), i+3)], want[i:min(len(want), i+3)])
			}
		}
	}
}
