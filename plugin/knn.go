package plugin

import (
	"context"
	"fmt"
	"math"

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
	if dim := s.Options().Dim; dim == 0 || len(q.Vector) != dim {
		return nil, fmt.Errorf("%w: a vector of %d components, the index's have %d", ErrQuery, len(q.Vector), dim)
	}
	column := featureindex.Embedding
	if q.Column == SumColumn {
		column = featureindex.Sum
	}
	return &densePlan{vector: q.Vector, column: column}, nil
}

// A densePlan answers a KNN.
type densePlan struct {
	vector []float32
	column featureindex.Column
}

func (p *densePlan) matches(ctx context.Context, s *featureindex.Section, search featureindex.Search) (*roaring.Bitmap, error) {
	docs := allowed(s, search)
	for it := docs.Clone().Iterator(); it.HasNext(); {
		if doc := it.Next(); s.Vector(p.column, int(doc)) == nil {
			docs.Remove(doc)
		}
	}
	return docs, ctx.Err()
}

func (p *densePlan) top(ctx context.Context, s *featureindex.Section, search featureindex.Search) ([]featureindex.Hit, error) {
	return s.Dense(ctx, p.column, p.vector, featureindex.Union, featureindex.Terms{}, search)
}

func (p *densePlan) score(s *featureindex.Section, doc int) (sum float64) {
	for i, x := range s.Vector(p.column, doc) {
		sum += float64(p.vector[i]) * float64(x)
	}
	return sum
}

func (p *densePlan) explain(*featureindex.Section, int) (string, []*search.Explanation) {
	if p.column == featureindex.Sum {
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
