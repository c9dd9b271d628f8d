package featureindex

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestQueriesRefuse(t *testing.T) {
	sh := shape{n: 100, features: 50, views: 2, k: 5, dim: 4}
	s := randomCorpus(rand.New(rand.NewPCG(1, 9)), sh).open(t)
	ctx, search := context.Background(), Search{K: 5}
	nan := float32(math.NaN())
	dot := func(v View, features []uint32, weights ...float32) error {
		_, err := s.Dot(ctx, v, Terms{features, weights}, search)
		return err
	}
	dense := func(c Column, query []float32) error {
		_, err := s.Dense(ctx, c, query, Union, Terms{}, search)
		return err
	}
	overlap := func(v View, features ...uint32) error {
		_, err := s.Overlap(ctx, v, features, 0, search)
		return err
	}
	_, all := s.All(0, 50)
	_, any := s.Any(2, 1)
	_, facets := s.Facets(ctx, -2, nil)
	for name, err := range map[string]error{
		"view beyond":       dot(2, []uint32{1}, 1),
		"no view":           dot(-2, []uint32{1}, 1),
		"feature beyond":    dot(0, []uint32{50}, 1),
		"feature twice":     dot(0, []uint32{3, 4, 3}, 1, 1, 1),
		"weight missing":    dot(0, []uint32{3, 4}, 1),
		"weight NaN":        dot(0, []uint32{3}, nan),
		"overlap beyond":    overlap(0, 50),
		"overlap twice":     overlap(Union, 1, 1),
		"short vector":      dense(Sum, make([]float32, 3)),
		"no vector":         dense(Sum, nil),
		"vector NaN":        dense(Embedding, []float32{1, nan, 1, 1}),
		"no column":         dense(2, make([]float32, 4)),
		"all of a feature":  all,
		"any of a view":     any,
		"facets of no view": facets,
	} {
		if !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"order":      dot(0, []uint32{7, 3}, 1, 2),
		"no terms":   dot(0, nil),
		"no feature": overlap(0),
		"zero query": dense(Sum, make([]float32, 4)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQueriesStop(t *testing.T) {
	sh := shape{n: 1000, features: 50, views: 1, k: 5, dim: 4}
	r := rand.New(rand.NewPCG(2, 9))
	s := randomCorpus(r, sh).open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q := Terms{[]uint32{0, 1, 2}, []float32{1, 1, 1}}
	for _, search := range []Search{{K: 5}, {K: 5, Filter: randomBitmap(r, 20)}, {K: 5, Threads: 2}} {
		_, dot := s.Dot(ctx, 0, q, search)
		_, overlap := s.Overlap(ctx, 0, q.Features, 0, search)
		_, sharing := s.Sharing(ctx, 0, q.Features, 0, search)
		_, dense := s.Dense(ctx, Sum, make([]float32, 4), 0, q, search)
		_, facets := s.Facets(ctx, 0, randomBitmap(r, 20))
		for _, err := range []error{dot, overlap, sharing, dense, facets} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
	}
}

// More terms than the counters of a kernel are for.
func TestManyTerms(t *testing.T) {
	sh := shape{n: 300, features: 20000, views: 2, k: 400}
	r := rand.New(rand.NewPCG(3, 9))
	c := randomCorpus(r, sh)
	s := c.open(t)
	for _, terms := range []int{255, 256, 300, maxDotTerms, maxDotTerms + 1, sh.features} {
		var q Terms
		for f := range terms {
			q.Features, q.Weights = append(q.Features, uint32(f)), append(q.Weights, float32(r.ExpFloat64()))
		}
		search := Search{K: 20}
		got, err := s.Dot(context.Background(), Union, q, search)
		if err != nil {
			t.Fatal(err)
		}
		sameHits(t, "dot", got, c.dot(Union, q, search))
		if got, err = s.Overlap(context.Background(), 0, q.Features, 0, search); err != nil {
			t.Fatal(err)
		}
		want := make([]Hit, 0, sh.n)
		for doc := range c.docs {
			n := 0
			for _, f := range c.docs[doc].Views[0].Features {
				if int(f) < terms {
					n++
				}
			}
			if n > 0 {
				want = append(want, Hit{uint32(doc), float64(n)})
			}
		}
		sameHits(t, "overlap", got, topOf(want, search.K))
	}
}

// Allocations of a query do not grow with the documents.
func TestQueriesReuseMemory(t *testing.T) {
	sh := shape{n: 20000, features: 500, views: 1, k: 10}
	r := rand.New(rand.NewPCG(4, 9))
	s := randomCorpus(r, sh).open(t)
	q := randomTerms(r, sh, false)
	search := Search{K: 10}
	if n := testing.AllocsPerRun(20, func() { s.Dot(context.Background(), 0, q, search) }); n > 40 {
		t.Errorf("Dot: %v allocations", n)
	}
	if n := testing.AllocsPerRun(20, func() { s.Overlap(context.Background(), 0, q.Features, 0, search) }); n > 40 {
		t.Errorf("Overlap: %v allocations", n)
	}
}
