package featureindex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// shapes are the corpora of the differential tests.
func shapes(t *testing.T) []shape {
	all := []shape{
		{n: 0, features: 10, views: 1, k: 3},
		{n: 0, features: 10, views: 2, k: 3, dim: 8},
		{n: 1, features: 1, views: 1, k: 1},
		{n: 1, features: 1 << 24, views: 4, k: 64, dim: 5},
		{n: 70, features: 50, views: 2, k: 8, dim: 33, ties: true},
		{n: 500, features: 300, views: 4, k: 20, half: true},
		{n: 3000, features: 1 << 16, views: 1, k: 30, ties: true},
		{n: 3000, features: 1<<16 + 1, views: 2, k: 30, half: true, dim: 16},
		{n: 33000, features: 64, views: 1, k: 10},
	}
	if !testing.Short() {
		all = append(all, shape{n: 70000, features: 500, views: 2, k: 12}, shape{n: 100000, features: 2000, views: 1, k: 16, ties: true})
	}
	return all
}

func (sh shape) name() string {
	return fmt.Sprintf("n%d_D%d_v%d_k%d_dim%d_half%v_ties%v", sh.n, sh.features, sh.views, sh.k, sh.dim, sh.half, sh.ties)
}

// eachShape runs a test over every shape.
func eachShape(t *testing.T, test func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section)) {
	for _, sh := range shapes(t) {
		t.Run(sh.name(), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(sh.n), uint64(sh.features)))
			c := randomCorpus(r, sh)
			test(t, r, sh, c, c.open(t))
		})
	}
}

func TestSectionHoldsDocuments(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		if s.Len() != sh.n {
			t.Fatalf("%d documents, want %d", s.Len(), sh.n)
		}
		for doc, d := range c.docs {
			for v, want := range d.Views {
				if got := s.Code(View(v), doc); !slices.Equal(got.Features, want.Features) || !slices.Equal(got.Activations, want.Activations) {
					t.Fatalf("document %d view %d: %v, want %v", doc, v, got, want)
				}
			}
			for range 5 {
				f, want := uint32(r.IntN(sh.features)), uint8(0)
				for v, code := range d.Views {
					if slices.Contains(code.Features, f) {
						want |= 1 << v
					}
				}
				if got := s.ActiveIn(doc, f); got != want {
					t.Fatalf("document %d feature %d: active in %b, want %b", doc, f, got, want)
				}
			}
			if !slices.Equal(s.Vector(Embedding, doc), d.Embedding) || !slices.Equal(s.Vector(Sum, doc), d.Sum) {
				t.Fatalf("document %d: vectors", doc)
			}
		}
	})
}

func TestSectionIsValid(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDotIsBruteForce(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		for round := range 30 {
			v, search := View(r.IntN(sh.views+1)-1), randomSearch(r, sh.n)
			q := randomTerms(r, sh, round%3 == 2)
			got, err := s.Dot(context.Background(), v, q, search)
			if err != nil {
				t.Fatal(err)
			}
			sameHits(t, fmt.Sprintf("round %d view %d K %d", round, v, search.K), got, c.dot(v, q, search))
		}
	})
}

func TestOverlapIsBruteForce(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		for round := range 20 {
			v, search, minimum := View(r.IntN(sh.views+1)-1), randomSearch(r, sh.n), r.IntN(4)
			features := randomTerms(r, sh, false).Features
			got, err := s.Overlap(context.Background(), v, features, minimum, search)
			if err != nil {
				t.Fatal(err)
			}
			sameHits(t, fmt.Sprintf("round %d view %d", round, v), got, c.overlap(v, features, minimum, search))
			sharing, err := s.Sharing(context.Background(), v, features, minimum, search)
			if err != nil {
				t.Fatal(err)
			}
			search.K = sh.n
			want := roaring.New()
			for _, h := range c.overlap(v, features, minimum, search) {
				want.Add(h.Document)
			}
			if !sharing.Equals(want) {
				t.Fatalf("round %d: %d sharing, want %d", round, sharing.GetCardinality(), want.GetCardinality())
			}
		}
	})
}

func TestFacetsAreBruteForce(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		if sh.features > 1<<17 {
			return
		}
		for round := range 8 {
			v, documents := View(r.IntN(sh.views+1)-1), randomBitmap(r, sh.n)
			if round == 0 {
				documents = nil
			}
			got, err := s.Facets(context.Background(), v, documents)
			if err != nil || !slices.Equal(got, c.facets(v, documents)) {
				t.Fatalf("round %d view %d: %v", round, v, err)
			}
		}
	})
}

func TestFiltersAreBruteForce(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		for range 10 {
			v := View(r.IntN(sh.views+1) - 1)
			features := randomTerms(r, sh, false).Features
			features = features[:min(len(features), r.IntN(4))]
			all, any, not := roaring.New(), roaring.New(), roaring.New()
			for doc := range c.docs {
				support, n := c.support(v, doc), 0
				for _, f := range features {
					if slices.Contains(support, f) {
						n++
					}
				}
				if n == len(features) {
					all.Add(uint32(doc))
				}
				if n > 0 {
					any.Add(uint32(doc))
				} else {
					not.Add(uint32(doc))
				}
			}
			gotAll, err1 := s.All(v, features...)
			gotAny, err2 := s.Any(v, features...)
			gotNot, err3 := s.Not(v, features...)
			if err1 != nil || err2 != nil || err3 != nil || !gotAll.Equals(all) || !gotAny.Equals(any) || !gotNot.Equals(not) {
				t.Fatalf("view %d features %v", v, features)
			}
		}
	})
}
