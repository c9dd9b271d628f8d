package plugin

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
)

// The columns of dense vectors that a KNN can ask for.
const (
	EmbeddingColumn = "embedding" // z
	SumColumn       = "sum"       // u, the sum of the views
)

// A KNN scores documents by the inner product of a vector with their embedding
// z or with the sum u of their views: ⟨q,z⟩, or s(q,d) = ⟨q,u⟩ as the paper's
// equation 11 has it. The product is a float64 sum in the order of components.
// The query matches the documents that have the vector.
type KNN struct {
	Column  string      // EmbeddingColumn, also for "", or SumColumn
	Vector  []float32   // of the index's dimension
	K       int         // the best K only; all for 0
	Filter  query.Query // ranks only among its matches; nil for all
	Boosted float64     // multiplies the score; 1 for 0
}

// Searcher answers the query over a reader.
func (q *KNN) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	return newScoring(ctx, r, m, o, q)
}

// Validate returns an error that wraps ErrQuery for a query that has no answer.
func (q *KNN) Validate() error {
	if q.Column != "" && q.Column != EmbeddingColumn && q.Column != SumColumn {
		return fmt.Errorf("%w: no column %q, there are %q and %q", ErrQuery, q.Column, EmbeddingColumn, SumColumn)
	}
	for i, x := range q.Vector {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("%w: component %d is %v", ErrQuery, i, x)
		}
	}
	return q.selection().validate()
}

// SetBoost sets what scores are multiplied with.
func (q *KNN) SetBoost(b float64) { q.Boosted = b }

// Boost returns what scores are multiplied with.
func (q *KNN) Boost() float64 { return q.selection().factor() }

func (q *KNN) selection() *selection { return &selection{q.K, q.Filter, q.Boosted} }

func (q *KNN) plan(s *featureindex.Section, _ []string) (plan, error) {
	if dim := s.Options().Dim; len(q.Vector) != dim {
		return nil, fmt.Errorf("%w: a vector of %d components, the index's have %d", ErrQuery, len(q.Vector), dim)
	}
	return &densePlan{vector: q.Vector, sum: q.Column == SumColumn}, nil
}

// A densePlan answers a KNN.
type densePlan struct {
	vector []float32
	sum    bool
}

// of returns the vector of a document, or nil.
func (p *densePlan) of(s *featureindex.Section, doc int) []float32 {
	if p.sum {
		return s.Sum(doc)
	}
	return s.Embedding(doc)
}

func (p *densePlan) matches(ctx context.Context, s *featureindex.Section, search featureindex.Search) (*roaring.Bitmap, error) {
	docs := allowed(s, search)
	for it := docs.Clone().Iterator(); it.HasNext(); {
		if doc := it.Next(); p.of(s, int(doc)) == nil {
			docs.Remove(doc)
		}
	}
	return docs, ctx.Err()
}

func (p *densePlan) top(ctx context.Context, s *featureindex.Section, search featureindex.Search) ([]featureindex.Hit, error) {
	docs, err := p.matches(ctx, s, search)
	if err != nil {
		return nil, err
	}
	return topOf(ctx, docs, search.K, func(doc int) float64 { return p.score(s, doc) })
}

func (p *densePlan) score(s *featureindex.Section, doc int) (sum float64) {
	v := p.of(s, doc)
	for i, x := range v {
		sum += float64(p.vector[i]) * float64(x)
	}
	return sum
}

func (p *densePlan) explain(*featureindex.Section, int) (string, []*search.Explanation) {
	if p.sum {
		return "inner product with the sum of the views", nil
	}
	return "inner product with the embedding", nil
}

// allowed returns the documents that a search allows, as the caller's own.
func allowed(s *featureindex.Section, search featureindex.Search) *roaring.Bitmap {
	docs := roaring.New()
	docs.AddRange(0, uint64(s.Len()))
	if search.Filter != nil {
		docs.And(search.Filter)
	}
	if search.Deleted != nil {
		docs.AndNot(search.Deleted)
	}
	return docs
}

// topOf returns the k documents of the highest scores, best first, ties to the
// lower document.
func topOf(ctx context.Context, docs *roaring.Bitmap, k int, score func(doc int) float64) ([]featureindex.Hit, error) {
	const cancelEvery = 1 << 12
	var hits []featureindex.Hit
	worst := math.Inf(-1)
	n := 0
	for it := docs.Iterator(); it.HasNext(); n++ {
		if n%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		doc := it.Next()
		x := score(int(doc))
		if len(hits) >= k && x <= worst {
			continue
		}
		if hits = append(hits, featureindex.Hit{Document: doc, Score: x}); len(hits) >= 2*k+64 {
			hits = cutHits(hits, k)
			worst = hits[k-1].Score
		}
	}
	return cutHits(hits, k), nil
}

// cutHits returns the k best hits, best first.
func cutHits(hits []featureindex.Hit, k int) []featureindex.Hit {
	slices.SortFunc(hits, func(a, b featureindex.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Document, b.Document))
	})
	return hits[:min(k, len(hits))]
}
