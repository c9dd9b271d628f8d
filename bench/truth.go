package bench

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/steersight/steersight/featureindex"

	"golang.org/x/sync/errgroup"
)

// A best keeps the k best hits, best first, ties to the lower document.
type best struct {
	k    int
	hits []featureindex.Hit
}

// compareHits orders hits from the best down.
func compareHits(a, b featureindex.Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Document, b.Document))
}

// push takes a hit if it is among the best so far.
func (b *best) push(h featureindex.Hit) {
	full := len(b.hits) == b.k
	if full && (b.k == 0 || compareHits(h, b.hits[b.k-1]) > 0) {
		return
	}
	at, _ := slices.BinarySearchFunc(b.hits, h, compareHits)
	if full {
		b.hits = b.hits[:b.k-1]
	}
	b.hits = slices.Insert(b.hits, at, h)
}

// A truth is the exact answers to the queries: the k best documents, by their
// numbers in the index.
type truth struct {
	dot, overlap []best
}

func newTruth(queries, k int) *truth {
	t := &truth{dot: make([]best, queries), overlap: make([]best, queries)}
	for q := range queries {
		t.dot[q].k, t.overlap[q].k = k, k
	}
	return t
}

// merge takes the hits of another truth of the same queries.
func (t *truth) merge(other *truth) {
	for q := range t.dot {
		for _, h := range other.dot[q].hits {
			t.dot[q].push(h)
		}
		for _, h := range other.overlap[q].hits {
			t.overlap[q].push(h)
		}
	}
}

// A share is the weight of a feature in a query.
type share struct {
	query  int32
	weight float64
}

// transpose returns the queries by feature.
func transpose(queries []featureindex.Terms, features int) [][]share {
	byFeature := make([][]share, features)
	for q, terms := range queries {
		for i, f := range terms.Features {
			if w := terms.Weights[i]; w != 0 && int(f) < features {
				byFeature[f] = append(byFeature[f], share{int32(q), float64(w)})
			}
		}
	}
	return byFeature
}

// bruteForce scores every document for every query: the weighted dot product
// and the number of shared features. numbers has the number in the index of
// each document of the set. It goes through the set once, on so many
// goroutines.
func bruteForce(ctx context.Context, c *Codes, queries []featureindex.Terms, k int, numbers []uint32, threads int) (*truth, error) {
	const step = 4096
	byFeature := transpose(queries, c.Features())
	all := newTruth(len(queries), k)
	var mu sync.Mutex
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range max(1, threads) {
		group.Go(func() error {
			s := newScores(byFeature, len(queries), k)
			for ctx.Err() == nil {
				from := int(next.Add(step)) - step
				if from >= c.Documents() {
					break
				}
				codes, err := c.Read(from, min(from+step, c.Documents()))
				if err != nil {
					return err
				}
				for i, code := range codes {
					s.add(numbers[from+i], code)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all.merge(s.truth)
			return ctx.Err()
		})
	}
	return all, group.Wait()
}

// scores are the scores of one document in the making.
type scores struct {
	byFeature [][]share
	truth     *truth
	dot       []float64 // by query
	shared    []float64
	touched   []int32 // queries with a feature of the document
}

func newScores(byFeature [][]share, queries, k int) *scores {
	return &scores{byFeature, newTruth(queries, k), make([]float64, queries), make([]float64, queries), nil}
}

// add scores a document for all queries. Its features ascend, and so each sum
// is in the order that defines a score.
func (s *scores) add(number uint32, code featureindex.Code) {
	for i, f := range code.Features {
		a := float64(code.Activations[i])
		for _, x := range s.byFeature[f] {
			if s.shared[x.query] == 0 {
				s.touched = append(s.touched, x.query)
			}
			s.shared[x.query]++
			s.dot[x.query] += x.weight * a
		}
	}
	for _, q := range s.touched {
		s.truth.dot[q].push(featureindex.Hit{Document: number, Score: s.dot[q]})
		s.truth.overlap[q].push(featureindex.Hit{Document: number, Score: s.shared[q]})
		s.dot[q], s.shared[q] = 0, 0
	}
	s.touched = s.touched[:0]
}

// Exactness compares answers with the truth.
type Exactness struct {
	Recall  float64 `json:"recall"`   // share of the true best that were found
	InOrder int     `json:"in_order"` // queries whose ids, scores and order are the true ones
	Queries int     `json:"queries"`
}

// compare compares the answers to queries with the truth.
func compare(answers [][]featureindex.Hit, truth []best) Exactness {
	e := Exactness{Queries: len(answers)}
	found, all := 0, 0
	for q, hits := range answers {
		if slices.Equal(hits, truth[q].hits) {
			e.InOrder++
		}
		all += len(truth[q].hits)
		for _, want := range truth[q].hits {
			if slices.ContainsFunc(hits, func(h featureindex.Hit) bool { return h.Document == want.Document }) {
				found++
			}
		}
	}
	if e.Recall = 1; all > 0 {
		e.Recall = float64(found) / float64(all)
	}
	return e
}
