package plugin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
)

// A Scoring query is one of this package's that scores documents: Dot, Overlap,
// KNN or Steer.
type Scoring interface {
	query.ValidatableQuery
	// plan prepares the query for a section with views of these names.
	plan(s *featureindex.Section, views []string) (plan, error)
	selection() *selection
}

// A plan answers a scoring query over one section.
type plan interface {
	// matches returns the documents that match, of those that search allows.
	matches(ctx context.Context, s *featureindex.Section, search featureindex.Search) (*roaring.Bitmap, error)
	// top returns the search.K best documents of those that search allows.
	top(ctx context.Context, s *featureindex.Section, search featureindex.Search) ([]featureindex.Hit, error)
	// score returns the score of a document that matches.
	score(s *featureindex.Section, doc int) float64
	// explain returns the parts that add up to the score, and what they are.
	explain(s *featureindex.Section, doc int) (message string, parts []*search.Explanation)
}

// A selection says which of the documents that match a query yields.
type selection struct {
	k      int
	filter query.Query
	boost  float64
}

// factor returns the boost, 1 where none is set.
func (s *selection) factor() float64 {
	if s.boost == 0 {
		return 1
	}
	return s.boost
}

// validate returns an error that wraps ErrQuery.
func (s *selection) validate() error {
	if s.k < 0 {
		return fmt.Errorf("%w: k is %d", ErrQuery, s.k)
	}
	if math.IsNaN(s.boost) || math.IsInf(s.boost, 0) || s.boost < 0 {
		return fmt.Errorf("%w: boost is %v", ErrQuery, s.boost)
	}
	if v, ok := s.filter.(query.ValidatableQuery); ok {
		return v.Validate()
	}
	return nil
}

type threadsKey struct{}

// WithThreads lets each query of this package under the context use so many
// goroutines for the blocks of a segment. The answers do not change. Without
// it, a query uses one.
func WithThreads(ctx context.Context, threads int) context.Context {
	return context.WithValue(ctx, threadsKey{}, threads)
}

func threadsOf(ctx context.Context) int {
	n, _ := ctx.Value(threadsKey{}).(int)
	return n
}

// noScores is the value of SearcherOptions.Score for filters.
const noScores = "none"

// newScoring answers a scoring query over a reader.
func newScoring(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, o search.SearcherOptions, q Scoring) (search.Searcher, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	snapshot, err := snapshotOf(r)
	if err != nil {
		return nil, err
	}
	s := &searcher{factor: q.selection().factor(), explain: o.Explain, silent: o.Score == noScores}
	if s.parts, err = planParts(ctx, snapshot, m, q); err != nil {
		return nil, err
	}
	if k := q.selection().k; k > 0 && !s.silent {
		err = s.rank(ctx, k)
	} else {
		err = s.match(ctx)
	}
	return s, queryError(err)
}

// planParts prepares a scoring query for the segments of a snapshot.
func planParts(ctx context.Context, r *scorch.IndexSnapshot, m mapping.IndexMapping, q Scoring) ([]planned, error) {
	parts := segmentsOf(r)
	allowed, err := selectDocuments(ctx, r, m, q.selection().filter, parts)
	if err != nil {
		return nil, err
	}
	out := make([]planned, len(parts))
	for i, p := range parts {
		out[i] = planned{part: p, section: p.codes.section()}
		if out[i].section == nil {
			continue
		}
		if out[i].plan, err = q.plan(out[i].section, p.codes.names); err != nil {
			return nil, err
		}
		out[i].search = featureindex.Search{Deleted: p.deleted, Threads: threadsOf(ctx)}
		if allowed != nil {
			out[i].search.Filter = allowed[i]
		}
	}
	return out, nil
}

// queryError makes what the kernels refuse an ErrQuery.
func queryError(err error) error {
	if errors.Is(err, featureindex.ErrQuery) && !errors.Is(err, ErrQuery) {
		return fmt.Errorf("%w: %w", ErrQuery, err)
	}
	return err
}

// selectDocuments returns the documents of each part that a query matches, or
// nil for no query. The bitmaps are the caller's.
func selectDocuments(ctx context.Context, r *scorch.IndexSnapshot, m mapping.IndexMapping, q query.Query, parts []part) ([]*roaring.Bitmap, error) {
	if q == nil {
		return nil, nil
	}
	s, err := q.Searcher(ctx, r, m, search.SearcherOptions{Score: noScores})
	if err != nil {
		return nil, err
	}
	docs, err := drain(ctx, s, r, parts)
	if closing := s.Close(); err == nil {
		err = closing
	}
	return docs, err
}

// drain collects the documents that a searcher yields.
func drain(ctx context.Context, s search.Searcher, r *scorch.IndexSnapshot, parts []part) ([]*roaring.Bitmap, error) {
	if own, ok := s.(*searcher); ok && own.silent {
		return own.documents(), nil
	}
	const cancelEvery = 1 << 14
	docs := make([]*roaring.Bitmap, len(parts))
	for i := range docs {
		docs[i] = roaring.New()
	}
	c := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(s.DocumentMatchPoolSize()+1, 0), IndexReader: r}
	for at, n := 0, 0; ; n++ {
		if n%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		match, err := s.Next(c)
		if err != nil || match == nil {
			return docs, err
		}
		number := match.IndexInternalID.Value()
		for number >= parts[at].base+parts[at].count {
			at++
		}
		docs[at].Add(uint32(number - parts[at].base))
		c.DocumentMatchPool.Put(match)
	}
}

// checkTerms returns an error that wraps ErrQuery for terms that no query has.
func checkTerms(t featureindex.Terms) error {
	if len(t.Features) != len(t.Weights) {
		return fmt.Errorf("%w: %d features with %d weights", ErrQuery, len(t.Features), len(t.Weights))
	}
	for i, w := range t.Weights {
		if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("%w: feature %d has weight %v", ErrQuery, t.Features[i], w)
		}
	}
	return checkDistinct(t.Features)
}

// checkDistinct returns an error that wraps ErrQuery for a feature named twice.
func checkDistinct(features []uint32) error {
	sorted := features
	if !slices.IsSorted(sorted) {
		sorted = slices.Clone(features)
		slices.Sort(sorted)
	}
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return fmt.Errorf("%w: feature %d twice", ErrQuery, sorted[i])
		}
	}
	return nil
}

// findView returns the view with a name, or an error that wraps ErrQuery.
func findView(views []string, name string) (featureindex.View, error) {
	if v, ok := viewNamed(views, name); ok {
		return v, nil
	}
	return 0, fmt.Errorf("%w: no view %q, there are %q", ErrQuery, name, views)
}
