package bench

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steersight/steersight/featureindex"
)

func TestBestIsTheBeginningOfTheSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 50 {
		b := best{k: r.IntN(12)}
		var all []featureindex.Hit
		for _, doc := range r.Perm(n) {
			h := featureindex.Hit{Document: uint32(doc), Score: float64(r.IntN(6))}
			b.push(h)
			all = append(all, h)
		}
		slices.SortFunc(all, compareHits)
		if want := all[:min(b.k, n)]; !slices.Equal(b.hits, want) {
			t.Fatalf("k %d of %v: %v", b.k, all, b.hits)
		}
	}
}

// TestBruteForce compares the scores with those of queries taken one by one.
func TestBruteForce(t *testing.T) {
	c := openTiny(t, 500, 20, 60)
	queries, err := c.Queries(20)
	if err != nil {
		t.Fatal(err)
	}
	codes, err := c.Read(0, c.Documents())
	if err != nil {
		t.Fatal(err)
	}
	numbers := make([]uint32, len(codes))
	for row, number := range rand.New(rand.NewPCG(1, 2)).Perm(len(codes)) {
		numbers[row] = uint32(number)
	}
	got, err := bruteForce(context.Background(), c, queries, 7, numbers, 3)
	if err != nil {
		t.Fatal(err)
	}
	for q, terms := range queries {
		dot, overlap := best{k: 7}, best{k: 7}
		for row, code := range codes {
			score, shared := 0., 0.
			for i, f := range code.Features {
				if j := slices.Index(terms.Features, f); j >= 0 {
					score += float64(terms.Weights[j]) * float64(code.Activations[i])
					shared++
				}
			}
			if shared > 0 {
				dot.push(featureindex.Hit{Document: numbers[row], Score: score})
				overlap.push(featureindex.Hit{Document: numbers[row], Score: shared})
			}
		}
		if !slices.Equal(got.dot[q].hits, dot.hits) || !slices.Equal(got.overlap[q].hits, overlap.hits) {
			t.Errorf("query %d: %v and %v, want %v and %v", q, got.dot[q], got.overlap[q], dot, overlap)
		}
	}
}

func TestCompare(t *testing.T) {
	a, b, c := featureindex.Hit{Document: 1, Score: 3}, featureindex.Hit{Document: 2, Score: 2}, featureindex.Hit{Document: 3, Score: 2}
	truth := []best{{2, []featureindex.Hit{a, b}}, {2, []featureindex.Hit{a, b}}, {2, []featureindex.Hit{a}}, {k: 2}}
	e := compare([][]featureindex.Hit{{a, b}, {b, a}, {c}, nil}, truth)
	if e.Recall != .8 || e.InOrder != 2 || e.Queries != 4 {
		t.Errorf("%+v", e)
	}
}
