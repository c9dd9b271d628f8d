package featureindex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// dense is Dense by brute force.
func (c *corpus) dense(column Column, query []float32, v View, terms Terms, search Search) []Hit {
	steered := map[uint32]float64{}
	for _, h := range c.dot(v, terms, Search{K: len(c.docs)}) {
		steered[h.Document] = h.Score
	}
	var hits []Hit
	for doc, d := range c.docs {
		vector := [columns][]float32{d.Embedding, d.Sum}[column]
		if vector == nil || !search.allows(uint32(doc)) {
			continue
		}
		sum := 0.0
		for i, x := range query {
			sum += float64(x) * float64(vector[i])
		}
		if len(steered) > 0 {
			sum += steered[uint32(doc)]
		}
		hits = append(hits, Hit{uint32(doc), sum})
	}
	return topOf(hits, search.K)
}

func TestDenseIsBruteForce(t *testing.T) {
	ctx := context.Background()
	all := []shape{
		{n: 1, features: 5, views: 1, k: 2, dim: 1},
		{n: 300, features: 50, views: 2, k: 5, dim: 31},
		{n: 2000, features: 500, views: 4, k: 8, dim: 64},
		{n: 40000, features: 100, views: 1, k: 3, dim: 8},
	}
	for _, sh := range all {
		t.Run(sh.name(), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(sh.n), 3))
			c := randomCorpus(r, sh)
			for i := range c.docs {
				if i > 0 && r.IntN(4) == 0 {
					c.docs[i].Sum = c.docs[r.IntN(i)].Sum // ties
				}
			}
			s := c.open(t)
			for round := range 20 {
				column, v, search := Column(r.IntN(2)), View(r.IntN(sh.views+1)-1), randomSearch(r, sh.n)
				var terms Terms
				if round%2 == 1 {
					terms = randomTerms(r, sh, true)
				}
				if size := []float32{1e36, 1e-36}; round%4 == 3 {
					for i := range terms.Weights {
						terms.Weights[i] *= size[round/4%2]
					}
				}
				query := randomVector(r, sh.dim)
				if round == 2 {
					clear(query)
				}
				got, err := s.Dense(ctx, column, query, v, terms, search)
				if err != nil {
					t.Fatal(err)
				}
				sameHits(t, fmt.Sprintf("round %d", round), got, c.dense(column, query, v, terms, search))
			}
		})
	}
}

// Terms of weight 0 steer nothing.
func TestNeutralSteering(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 3))
	sh := shape{n: 1000, features: 100, views: 3, k: 9, dim: 24}
	s := randomCorpus(r, sh).open(t)
	for range 20 {
		query, terms, search := randomVector(r, sh.dim), randomTerms(r, sh, true), randomSearch(r, sh.n)
		plain, err1 := s.Dense(context.Background(), Sum, query, Union, Terms{}, search)
		clear(terms.Weights)
		neutral, err2 := s.Dense(context.Background(), Sum, query, Union, terms, search)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		sameHits(t, "neutral", neutral, plain)
	}
}
