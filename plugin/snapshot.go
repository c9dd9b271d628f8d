package plugin

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/collector"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
)

// A Snapshot holds on to the state of an index, so that codes, facets and
// explanations are of exactly the state that a search ran on, whatever is
// written meanwhile:
//
//	ctx, snapshot := plugin.Watch(ctx)
//	defer snapshot.Close()
//	result, err := index.SearchInContext(ctx, request)
//	facets, err := snapshot.Facets(ctx, "qa")
//	doc, err := snapshot.Document(result.Hits[0])
//
// It keeps files of the index from being removed until Close, so close it soon.
// It may be used by several goroutines at once.
type Snapshot struct {
	mu     sync.RWMutex
	states []*state
	closed bool
}

// A state is one index at one moment; behind an alias there are several.
type state struct {
	reader *scorch.IndexSnapshot
	parts  []part
	found  *roaring.Bitmap // what the search matched
}

func newState(r *scorch.IndexSnapshot) *state {
	return &state{reader: r, parts: segmentsOf(r), found: roaring.New()}
}

// Watch returns a context under which one search fills a Snapshot. A search of
// an alias fills it with one state for each index.
func Watch(ctx context.Context) (context.Context, *Snapshot) {
	s := &Snapshot{}
	next := collector.MakeTopNDocumentMatchHandler
	if other, ok := ctx.Value(search.MakeDocumentMatchHandlerKey).(search.MakeDocumentMatchHandler); ok {
		next = other
	}
	return context.WithValue(ctx, search.MakeDocumentMatchHandlerKey, s.watch(next)), s
}

// watch returns a maker of handlers that note each match and pass it on.
func (s *Snapshot) watch(next search.MakeDocumentMatchHandler) search.MakeDocumentMatchHandler {
	return func(c *search.SearchContext) (search.DocumentMatchHandler, bool, error) {
		handle, load, err := next(c)
		reader, ok := c.IndexReader.(*scorch.IndexSnapshot)
		if err != nil || !ok {
			return handle, load, err
		}
		state := s.add(reader)
		if state == nil {
			return handle, load, nil
		}
		return func(match *search.DocumentMatch) error {
			if match != nil {
				state.found.Add(uint32(match.IndexInternalID.Value()))
			}
			return handle(match)
		}, load, nil
	}
}

// add keeps the state of a reader, unless the Snapshot is closed.
func (s *Snapshot) add(r *scorch.IndexSnapshot) *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	r.AddRef()
	state := newState(r)
	s.states = append(s.states, state)
	return state
}

// Acquire returns a Snapshot of an index without a search: it has matched
// nothing.
func Acquire(i bleve.Index) (*Snapshot, error) {
	s := &Snapshot{}
	err := withReader(i, func(r *scorch.IndexSnapshot) error {
		s.add(r)
		return nil
	})
	return s, err
}

// Over returns a Snapshot of the state that a reader of a single index reads:
// it has matched nothing. The reader may be closed before the Snapshot.
func Over(r index.IndexReader) (*Snapshot, error) {
	reader, err := snapshotOf(r)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{}
	s.add(reader)
	return s, nil
}

// Close lets go of the index's state. It may be called twice.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, state := range s.states {
		errs = append(errs, state.reader.DecRef())
	}
	s.states, s.closed = nil, true
	return errors.Join(errs...)
}

// read locks the Snapshot for reading; the caller unlocks it.
func (s *Snapshot) read() error {
	s.mu.RLock()
	if len(s.states) == 0 {
		s.mu.RUnlock()
		return ErrClosed
	}
	return nil
}

// Matches returns how many documents the search matched.
func (s *Snapshot) Matches() (n uint64, err error) {
	if err := s.read(); err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	for _, state := range s.states {
		n += state.found.GetCardinality()
	}
	return n, nil
}

// Health returns what is wrong with the feature sections.
func (s *Snapshot) Health() (h Health, err error) {
	if err := s.read(); err != nil {
		return h, err
	}
	defer s.mu.RUnlock()
	for _, state := range s.states {
		h.add(state.parts)
	}
	return h, nil
}

// Document returns the document of a hit of the search. Of several indexes
// behind an alias, it is the first that has the hit's id at its place, so that
// ids must be unique among them.
func (s *Snapshot) Document(hit *search.DocumentMatch) (*Document, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	number := hit.IndexInternalID.Value()
	for _, state := range s.states {
		i := partOf(state.parts, number)
		if i < 0 {
			continue
		}
		part := &state.parts[i]
		local := int(number - part.base)
		if section := part.codes.section(); section != nil {
			section.Prefetch(local) // it will be read soon, and is seldom in the cache
		}
		if id, err := state.reader.ExternalID(hit.IndexInternalID); err == nil && id == hit.ID {
			return &Document{s, part, local}, nil
		}
	}
	return nil, fmt.Errorf("%w with document %q", ErrClosed, hit.ID)
}

// Named returns the document with an id, or nil.
func (s *Snapshot) Named(id string) (*Document, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	for _, state := range s.states {
		internal, err := state.reader.InternalID(id)
		if err != nil {
			return nil, err
		}
		if internal == nil {
			continue
		}
		number := internal.Value()
		i := partOf(state.parts, number)
		return &Document{s, &state.parts[i], int(number - state.parts[i].base)}, nil
	}
	return nil, nil
}

// partOf returns the part that a document of the snapshot lies in, or -1.
func partOf(parts []part, number uint64) int {
	for i, p := range parts {
		if number < p.base+p.count {
			return i
		}
	}
	return -1
}

// Facets counts the features of a view, "" for the union, in the documents that
// the search matched. A scoring query with a K matches K documents; to count
// all, leave K out, or see FacetsOf.
func (s *Snapshot) Facets(ctx context.Context, view string) (*Facets, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	f := newFacets()
	for _, state := range s.states {
		for i, docs := range split(state.found, state.parts) {
			if err := f.count(ctx, &state.parts[i], view, docs); err != nil {
				return nil, err
			}
		}
	}
	return f.finish(), nil
}

// FacetsOf counts the features of a view in the documents that a query matches,
// whether or not the search did; in all documents for nil.
func (s *Snapshot) FacetsOf(ctx context.Context, view string, q query.Query, m mapping.IndexMapping) (*Facets, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	if q == nil {
		q = &All{} // of no features
	}
	f := newFacets()
	for _, state := range s.states {
		selected, err := selectDocuments(ctx, state.reader, m, q, state.parts)
		if err != nil {
			return nil, err
		}
		for i, docs := range selected {
			if err := f.count(ctx, &state.parts[i], view, docs); err != nil {
				return nil, err
			}
		}
	}
	return f.finish(), nil
}

// split returns the documents of each part, numbered as in it.
func split(docs *roaring.Bitmap, parts []part) []*roaring.Bitmap {
	out := make([]*roaring.Bitmap, len(parts))
	for i, p := range parts {
		within := roaring.New()
		within.AddRange(p.base, p.base+p.count)
		within.And(docs)
		out[i] = roaring.AddOffset64(within, -int64(p.base))
	}
	return out
}
