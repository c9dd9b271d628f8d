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

// A Dot scores documents by the weighted sum of their activations,
// Σ_j w_j·a_j(d), over a view or over the union of the views. It matches
// documents in which a feature of weight other than 0 is active; their scores
// may be negative where weights are.
type Dot struct {
	View    string             // "" for the union
	Terms   featureindex.Terms // distinct features
	K       int                // the best K only; all for 0
	Filter  query.Query        // ranks only among its matches; nil for all
	Boosted float64            // multiplies the score; 1 for 0
}

// Searcher answers the query over a reader.
func (q *Dot) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	return newScoring(ctx, r, m, o, q)
}

// Validate returns an error that wraps ErrQuery for a query that has no answer.
func (q *Dot) Validate() error {
	if err := checkTerms(q.Terms); err != nil {
		return err
	}
	return q.selection().validate()
}

// SetBoost sets what scores are multiplied with.
func (q *Dot) SetBoost(b float64) { q.Boosted = b }

// Boost returns what scores are multiplied with.
func (q *Dot) Boost() float64 { return q.selection().factor() }

func (q *Dot) selection() *selection { return &selection{q.K, q.Filter, q.Boosted} }

func (q *Dot) plan(_ *featureindex.Section, views []string) (plan, error) {
	v, err := findView(views, q.View)
	if err != nil {
		return nil, err
	}
	return newDotPlan(views, v, q.Terms), nil
}

// A dotPlan answers a Dot.
type dotPlan struct {
	views []string
	view  featureindex.View
	terms featureindex.Terms // as sortedTerms returns them
}

func newDotPlan(views []string, v featureindex.View, terms featureindex.Terms) *dotPlan {
	return &dotPlan{views: views, view: v, terms: sortedTerms(terms)}
}

func (p *dotPlan) matches(ctx context.Context, s *featureindex.Section, search featureindex.Search) (*roaring.Bitmap, error) {
	return s.Sharing(ctx, p.view, p.terms.Features, 1, search)
}

func (p *dotPlan) top(ctx context.Context, s *featureindex.Section, search featureindex.Search) ([]featureindex.Hit, error) {
	return s.Dot(ctx, p.view, p.terms, search)
}

func (p *dotPlan) products(room []product, s *featureindex.Section, doc int) []product {
	return products(room, s, len(p.views), p.view, p.terms, doc)
}

func (p *dotPlan) score(s *featureindex.Section, doc int) float64 {
	var room few
	return sum(p.products(room[:0], s, doc))
}

func (p *dotPlan) explain(s *featureindex.Section, doc int) (string, []*search.Explanation) {
	parts := explainProducts(p.products(nil, s, doc), p.views)
	return fmt.Sprintf("dot over %s, sum of:", viewName(p.views, p.view)), parts
}
