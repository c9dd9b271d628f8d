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

// A Steer corrects the scores of a KNN or a Dot feature by feature:
//
//	score(d) = base(d) + Σ_j c_j·S_j(d)
//
// where S_j(d) is the activation of feature j summed over the views. With
// c_j = (α_j − 1)·⟨q,w_j⟩ this is the score of the document with feature j
// scaled by α_j. The whole index is ranked. Corrections of 0 change nothing:
// without others, scores and ranking are the base's, bit for bit.
//
// Over a KNN, it matches what the KNN matches. Over a Dot, it matches documents
// in which a feature of the Dot or a corrected one is active; where both are
// over the same view, a feature's weights are added, in float32, before
// anything else, and documents in which they add up to 0 do not match.
type Steer struct {
	Base    Scoring            // a KNN or a Dot, without K, Filter and boost
	View    string             // of the corrections; "" for the union
	Terms   featureindex.Terms // the corrections c_j
	K       int                // the best K only; all for 0
	Filter  query.Query        // ranks only among its matches; nil for all
	Boosted float64            // multiplies the score; 1 for 0
}

// Searcher answers the query over a reader.
func (q *Steer) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	return newScoring(ctx, r, m, o, q)
}

// Validate returns an error that wraps ErrQuery for a query that has no answer.
func (q *Steer) Validate() error {
	switch q.Base.(type) {
	case *KNN, *Dot:
	default:
		return fmt.Errorf("%w: cannot steer a %T", ErrQuery, q.Base)
	}
	if err := q.Base.Validate(); err != nil {
		return err
	}
	if s := q.Base.selection(); s.k != 0 || s.filter != nil || s.factor() != 1 {
		return fmt.Errorf("%w: k, filter and boost belong to the steered query, not to its base", ErrQuery)
	}
	if err := checkTerms(q.Terms); err != nil {
		return err
	}
	return q.selection().validate()
}

// SetBoost sets what scores are multiplied with.
func (q *Steer) SetBoost(b float64) { q.Boosted = b }

// Boost returns what scores are multiplied with.
func (q *Steer) Boost() float64 { return q.selection().factor() }

func (q *Steer) selection() *selection { return &selection{q.K, q.Filter, q.Boosted} }

func (q *Steer) plan(s *featureindex.Section, views []string) (plan, error) {
	v, err := findView(views, q.View)
	if err != nil {
		return nil, err
	}
	base, err := q.Base.plan(s, views)
	if err != nil {
		return nil, err
	}
	corrections := newDotPlan(views, v, q.Terms)
	if len(corrections.terms.Features) == 0 {
		return base, nil
	}
	if dot, ok := base.(*dotPlan); ok && (dot.view == v || len(views) == 1) {
		return newDotPlan(views, v, addTerms(dot.terms, corrections.terms)), nil
	}
	return &steerPlan{base: base, corrections: corrections}, nil
}

// addTerms adds the weights of the same features.
func addTerms(a, b featureindex.Terms) (sum featureindex.Terms) {
	at := make(map[uint32]int, len(a.Features)+len(b.Features))
	for _, t := range []featureindex.Terms{a, b} {
		for i, f := range t.Features {
			if j, ok := at[f]; ok {
				sum.Weights[j] += t.Weights[i]
				continue
			}
			at[f] = len(sum.Features)
			sum.Features = append(sum.Features, f)
			sum.Weights = append(sum.Weights, t.Weights[i])
		}
	}
	return sum
}

// A steerPlan answers a Steer whose corrections are not one with its base.
type steerPlan struct {
	base        plan
	corrections *dotPlan
}

func (p *steerPlan) matches(ctx context.Context, s *featureindex.Section, search featureindex.Search) (*roaring.Bitmap, error) {
	docs, err := p.base.matches(ctx, s, search)
	if _, ok := p.base.(*densePlan); ok || err != nil {
		return docs, err
	}
	more, err := p.corrections.matches(ctx, s, search)
	if err != nil {
		return nil, err
	}
	docs.Or(more)
	return docs, nil
}

func (p *steerPlan) top(ctx context.Context, s *featureindex.Section, search featureindex.Search) ([]featureindex.Hit, error) {
	if base, ok := p.base.(*densePlan); ok {
		return s.Dense(ctx, base.column, base.vector, p.corrections.view, p.corrections.terms, search)
	}
	docs, err := p.matches(ctx, s, search)
	if err != nil {
		return nil, err
	}
	return topOf(ctx, docs, search.K, func(doc int) float64 { return p.score(s, doc) })
}

func (p *steerPlan) score(s *featureindex.Section, doc int) float64 {
	return p.base.score(s, doc) + p.corrections.score(s, doc)
}

func (p *steerPlan) explain(s *featureindex.Section, doc int) (string, []*search.Explanation) {
	message, parts := p.base.explain(s, doc)
	steered, corrections := p.corrections.explain(s, doc)
	return "steered, sum of:", []*search.Explanation{
		{Value: p.base.score(s, doc), Message: message, Children: parts},
		{Value: p.corrections.score(s, doc), Message: steered, Children: corrections},
	}
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
