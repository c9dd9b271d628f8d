package plugin

import (
	"context"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	index "github.com/blevesearch/bleve_index_api"
)

// An All matches documents in which every one of its features is active, in a
// view or in any view: all documents, where it has none. Its score is 0.
type All struct {
	View     string // "" for the union
	Features []uint32
}

// An Any matches documents in which one of its features is active, in a view or
// in any view: none, where it has none. Its score is 0.
type Any struct {
	View     string // "" for the union
	Features []uint32
}

// A Not matches documents in which none of its features is active, in a view or
// in any view. Its score is 0. Documents without a code match.
type Not struct {
	View     string // "" for the union
	Features []uint32
}

// Searcher answers the query over a reader.
func (q *All) Searcher(_ context.Context, r index.IndexReader, _ mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	return newFilter(r, o, q.View, len(q.Features) == 0, func(s *featureindex.Section, v featureindex.View) (*roaring.Bitmap, error) {
		return s.All(v, q.Features...)
	})
}

// Searcher answers the query over a reader.
func (q *Any) Searcher(_ context.Context, r index.IndexReader, _ mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	return newFilter(r, o, q.View, false, func(s *featureindex.Section, v featureindex.View) (*roaring.Bitmap, error) {
		return s.Any(v, q.Features...)
	})
}

// Searcher answers the query over a reader.
func (q *Not) Searcher(_ context.Context, r index.IndexReader, _ mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	return newFilter(r, o, q.View, true, func(s *featureindex.Section, v featureindex.View) (*roaring.Bitmap, error) {
		return s.Not(v, q.Features...)
	})
}

// Validate returns nil: every list of features is a filter.
func (q *All) Validate() error { return nil }

// Validate returns nil: every list of features is a filter.
func (q *Any) Validate() error { return nil }

// Validate returns nil: every list of features is a filter.
func (q *Not) Validate() error { return nil }

// newFilter answers a filter. matches returns the documents of a section;
// codeless tells whether documents without any code match.
func newFilter(r index.IndexReader, o search.SearcherOptions, view string, codeless bool,
	matches func(*featureindex.Section, featureindex.View) (*roaring.Bitmap, error)) (search.Searcher, error) {
	snapshot, err := snapshotOf(r)
	if err != nil {
		return nil, err
	}
	s := &searcher{factor: 1, explain: o.Explain, silent: o.Score == noScores}
	for i, p := range segmentsOf(snapshot) {
		s.parts = append(s.parts, planned{part: p})
		section := p.codes.section()
		if section == nil {
			if codeless {
				s.set(i, p.live())
			}
			continue
		}
		v, err := findView(p.codes.names, view)
		if err != nil {
			return nil, err
		}
		docs, err := matches(section, v)
		if err != nil {
			return nil, queryError(err)
		}
		if p.deleted != nil {
			docs.AndNot(p.deleted)
		}
		s.set(i, docs)
	}
	return s, nil
}
