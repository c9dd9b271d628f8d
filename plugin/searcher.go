package plugin

import (
	"cmp"
	"context"
	"slices"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/search"
	index "github.com/blevesearch/bleve_index_api"
)

// A planned part is a segment with what a query wants of it.
type planned struct {
	part
	section *featureindex.Section // nil: no codes
	plan    plan                  // nil: a filter, or no section
	search  featureindex.Search
	found   matches // nil: none
}

// matches are documents of a segment, in ascending order.
type matches interface {
	// seek returns the first document from doc on that was not yet returned.
	seek(doc uint32) (uint32, bool)
	// known returns the score of the document that seek returned, if it was
	// computed before.
	known() (float64, bool)
}

// rankedMatches are the best documents, with their scores.
type rankedMatches struct {
	hits  []featureindex.Hit // by document
	score float64
}

func (r *rankedMatches) seek(doc uint32) (uint32, bool) {
	for len(r.hits) > 0 {
		h := r.hits[0]
		r.hits = r.hits[1:]
		if h.Document >= doc {
			r.score = h.Score
			return h.Document, true
		}
	}
	return 0, false
}

func (r *rankedMatches) known() (float64, bool) { return r.score, true }

// allMatches are documents whose scores are computed when they are asked for.
type allMatches struct {
	docs *roaring.Bitmap
	it   roaring.IntPeekable
}

func newAllMatches(docs *roaring.Bitmap) *allMatches { return &allMatches{docs, docs.Iterator()} }

func (a *allMatches) seek(doc uint32) (uint32, bool) {
	a.it.AdvanceIfNeeded(doc)
	if !a.it.HasNext() {
		return 0, false
	}
	return a.it.Next(), true
}

func (a *allMatches) known() (float64, bool) { return 0, false }

// A searcher yields the documents that a query of this package found, in
// ascending order.
type searcher struct {
	parts   []planned
	factor  float64
	explain bool
	silent  bool // no scores
	at      int  // the current part
	total   uint64
}

// rank finds the k best documents of all parts.
func (s *searcher) rank(ctx context.Context, k int) error {
	type ranked struct {
		part int
		featureindex.Hit
	}
	var best []ranked
	for i := range s.parts {
		p := &s.parts[i]
		if p.plan == nil {
			continue
		}
		p.search.K = k
		hits, err := p.plan.top(ctx, p.section, p.search)
		if err != nil {
			return err
		}
		for _, h := range hits {
			best = append(best, ranked{i, h})
		}
	}
	slices.SortStableFunc(best, func(a, b ranked) int { return cmp.Compare(b.Score, a.Score) })
	best = best[:min(k, len(best))]
	found := make([]rankedMatches, len(s.parts))
	for _, r := range best {
		found[r.part].hits = append(found[r.part].hits, r.Hit)
	}
	for i := range found {
		slices.SortFunc(found[i].hits, func(a, b featureindex.Hit) int { return cmp.Compare(a.Document, b.Document) })
		s.parts[i].found = &found[i]
	}
	s.total = uint64(len(best))
	return nil
}

// match finds all documents that match.
func (s *searcher) match(ctx context.Context) error {
	for i := range s.parts {
		p := &s.parts[i]
		if p.plan == nil {
			continue
		}
		docs, err := p.plan.matches(ctx, p.section, p.search)
		if err != nil {
			return err
		}
		s.set(i, docs)
	}
	return nil
}

// set makes documents the matches of a part.
func (s *searcher) set(i int, docs *roaring.Bitmap) {
	s.parts[i].found = newAllMatches(docs)
	s.total += docs.GetCardinality()
}

// documents returns the matches of each part of a searcher without scores.
func (s *searcher) documents() []*roaring.Bitmap {
	docs := make([]*roaring.Bitmap, len(s.parts))
	for i := range s.parts {
		if found, ok := s.parts[i].found.(*allMatches); ok {
			docs[i] = found.docs
		} else {
			docs[i] = roaring.New()
		}
	}
	return docs
}

// Next returns the next match, or nil.
func (s *searcher) Next(c *search.SearchContext) (*search.DocumentMatch, error) {
	return s.from(c, 0)
}

// Advance returns the first match from id on, or nil. It never goes back.
func (s *searcher) Advance(c *search.SearchContext, id index.IndexInternalID) (*search.DocumentMatch, error) {
	return s.from(c, id.Value())
}

// from returns the next match that has at least this number.
func (s *searcher) from(c *search.SearchContext, number uint64) (*search.DocumentMatch, error) {
	for ; s.at < len(s.parts); s.at++ {
		p := &s.parts[s.at]
		if p.found == nil || number >= p.base+p.count {
			continue
		}
		local := uint64(0)
		if number > p.base {
			local = number - p.base
		}
		if doc, ok := p.found.seek(uint32(local)); ok {
			return s.hit(c, p, doc), nil
		}
	}
	return nil, nil
}

// hit makes a match of a document.
func (s *searcher) hit(c *search.SearchContext, p *planned, doc uint32) *search.DocumentMatch {
	match := c.DocumentMatchPool.Get()
	match.IndexInternalID = index.NewIndexInternalID(match.IndexInternalID, p.base+uint64(doc))
	if s.silent {
		return match
	}
	score, known := p.found.known()
	if !known && p.plan != nil {
		score = p.plan.score(p.section, int(doc))
	}
	match.Score = score * s.factor
	if s.explain {
		match.Expl = explainHit(p, doc, match.Score, s.factor)
	}
	return match
}

// Close does nothing: a searcher holds memory only.
func (s *searcher) Close() error { return nil }

// Weight returns 0, so that the scores of this package's queries do not change
// those of the text queries beside them.
func (s *searcher) Weight() float64 { return 0 }

// SetQueryNorm does nothing: scores are what the query says they are.
func (s *searcher) SetQueryNorm(float64) {}

// Count returns the number of matches.
func (s *searcher) Count() uint64 { return s.total }

// Min returns 0.
func (s *searcher) Min() int { return 0 }

// Size returns about how many bytes of memory the searcher takes.
func (s *searcher) Size() int { return 128 + 256*len(s.parts) }

// DocumentMatchPoolSize returns 1: the match handed out.
func (s *searcher) DocumentMatchPoolSize() int { return 1 }
