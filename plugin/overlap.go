package plugin

import (
	"context"
	"fmt"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
)

// An Overlap scores documents by how many of its features are active in a view,
// or in any view: O(q,d) of the paper, with the features as the query's
// support. It matches documents that share at least Min features, and at least
// one.
type Overlap struct {
	View     string      // "" for the union
	Features []uint32    // distinct
	Min      int         // shared features at least; 1 for 0
	K        int         // the best K only; all for 0
	Filter   query.Query // ranks only among its matches; nil for all
	Boosted  float64     // multiplies the score; 1 for 0
}

// Searcher answers the query over a reader.
func (q *Overlap) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	return newScoring(ctx, r, m, o, q)
}

// Validate returns an error that wraps ErrQuery for a query that has no answer.
func (q *Overlap) Validate() error {
	if q.Min < 0 {
		return fmt.Errorf("%w: a minimum of %d shared features", ErrQuery, q.Min)
	}
	if err := checkDistinct(q.Features); err != nil {
		return err
	}
	return q.selection().validate()
}

// SetBoost sets what scores are multiplied with.
func (q *Overlap) SetBoost(b float64) { q.Boosted = b }

// Boost returns what scores are multiplied with.
func (q *Overlap) Boost() float64 { return q.selection().factor() }

func (q *Overlap) selection() *selection { return &selection{q.K, q.Filter, q.Boosted} }

func (q *Overlap) plan(_ *featureindex.Section, views []string) (plan, error) {
	v, err := findView(views, q.View)
	if err != nil {
		return nil, err
	}
	set := make(map[uint32]bool, len(q.Features))
	for _, f := range q.Features {
		set[f] = true
	}
	return &overlapPlan{views: views, view: v, features: q.Features, set: set, minimum: q.Min}, nil
}

// An overlapPlan answers an Overlap.
type overlapPlan struct {
	views    []string
	view     featureindex.View
	features []uint32
	set      map[uint32]bool
	minimum  int
}

func (p *overlapPlan) matches(ctx context.Context, s *featureindex.Section, search featureindex.Search) (*roaring.Bitmap, error) {
	return s.Sharing(ctx, p.view, p.features, p.minimum, search)
}

func (p *overlapPlan) top(ctx context.Context, s *featureindex.Section, search featureindex.Search) ([]featureindex.Hit, error) {
	return s.Overlap(ctx, p.view, p.features, p.minimum, search)
}

// shared returns the features that a document shares with the query.
func (p *overlapPlan) shared(s *featureindex.Section, doc int) []uint32 {
	code := s.Code(p.view, doc)
	shared := code.Features[:0]
	for _, f := range code.Features {
		if p.set[f] {
			shared = append(shared, f)
		}
	}
	return shared
}

func (p *overlapPlan) score(s *featureindex.Section, doc int) float64 {
	return float64(len(p.shared(s, doc)))
}

func (p *overlapPlan) explain(s *featureindex.Section, doc int) (string, []*search.Explanation) {
	name := viewName(p.views, p.view)
	var leaves []*search.Explanation
	for _, f := range p.shared(s, doc) {
		leaves = append(leaves, &search.Explanation{Value: 1, Message: fmt.Sprintf("%s:%d", name, f)})
	}
	return fmt.Sprintf("overlap over %s, sum of:", name), leaves
}
