package plugin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
)

// TestStress lets two writers and two readers at an index. A document's id says
// from which seed it was made, so that every hit can be verified.
func TestStress(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "index")} {
		i, err := Create(path, testMapping(), *testOptions, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := &stress{index: i}
		var group sync.WaitGroup
		for n := range uint64(2) {
			group.Go(func() { s.run(func(r *rand.Rand) error { return s.write(r, n) }, n) })
			group.Go(func() { s.run(s.search, 10+n) })
		}
		time.Sleep(stressFor / 2)
		s.stop.Store(true)
		group.Wait()
		if err := s.failed.Load(); err != nil {
			t.Fatal(err)
		}
		if s.batches.Load() == 0 || s.searches.Load() == 0 {
			t.Fatalf("%d batches and %d searches", s.batches.Load(), s.searches.Load())
		}
		if damage, err := Check(context.Background(), i); err != nil || len(damage) > 0 {
			t.Fatal(damage, err)
		}
		closeOnce(t, i)
	}
}

// A stress is an index under work.
type stress struct {
	index             bleve.Index
	stop              atomic.Bool
	failed            atomic.Value
	batches, searches atomic.Int64
	mine              [2][]string // ids that each writer has put
}

// run works until it is told to stop or something fails.
func (s *stress) run(work func(*rand.Rand) error, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 77))
	for !s.stop.Load() {
		if err := work(r); err != nil {
			s.failed.CompareAndSwap(nil, err)
			s.stop.Store(true)
		}
	}
}

// made returns the document that an id stands for.
func made(id string) (entry, error) {
	_, seed, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(seed, 10, 64)
	return randomEntry(rand.New(rand.NewPCG(n, 3))), err
}

// write puts some documents and deletes others.
func (s *stress) write(r *rand.Rand, writer uint64) error {
	b, ids := s.index.NewBatch(), s.mine[writer]
	for range 20 {
		id := fmt.Sprint(writer, "-", r.Uint32())
		e, err := made(id)
		if err != nil {
			return err
		}
		if err := addEntry(b, s.index.Mapping(), id, e); err != nil {
			return err
		}
		ids = append(ids, id)
	}
	for range 8 {
		n := r.IntN(len(ids))
		b.Delete(ids[n])
		ids[n] = ids[len(ids)-1]
		ids = ids[:len(ids)-1]
	}
	s.mine[writer] = ids
	s.batches.Add(1)
	return s.index.Batch(b)
}

// search runs a query and verifies its hits, on the snapshot that it ran on.
func (s *stress) search(r *rand.Rand) error {
	s.searches.Add(1)
	ctx, snapshot := Watch(context.Background())
	defer snapshot.Close()
	terms := randomTerms(r, 1+r.IntN(8))
	res, err := s.index.SearchInContext(ctx, bleve.NewSearchRequestOptions(&Dot{Terms: terms, K: 10}, 10, 0, false))
	if err != nil {
		return err
	}
	for _, h := range res.Hits {
		e, err := made(h.ID)
		if err != nil {
			return err
		}
		if score, ok := e.dot("", terms); !ok || !equals(h.Score, score) {
			return fmt.Errorf("document %s scores %v, want %v", h.ID, h.Score, score)
		}
		if err := verifyShared(snapshot, h, func(d *Document) ([]Shared, error) { return d.Shared("", terms) }); err != nil {
			return err
		}
	}
	return s.facets(r)
}

// verifyShared adds up the shared features of a hit.
func verifyShared(s *Snapshot, h *search.DocumentMatch, shared func(*Document) ([]Shared, error)) error {
	d, err := s.Document(h)
	if err != nil {
		return err
	}
	features, err := shared(d)
	total := 0.0
	for _, f := range features {
		total += f.Value()
	}
	if err == nil && !equals(total, h.Score) {
		err = fmt.Errorf("shared features of %s add up to %v, not %v", h.ID, total, h.Score)
	}
	return err
}

// facets counts the features of a text query's matches in three ways.
func (s *stress) facets(r *rand.Rand) error {
	ctx, snapshot := Watch(context.Background())
	defer snapshot.Close()
	color := []string{"red", "green", "blue"}[r.IntN(3)]
	req := bleve.NewSearchRequestOptions(field(query.NewTermQuery(color), "color"), 1000000, 0, false)
	req.AddFacet("f", bleve.NewFacetRequest("qa", 1000))
	res, err := s.index.SearchInContext(ctx, req)
	if err != nil {
		return err
	}
	found := truth{}
	for _, h := range res.Hits {
		if found[h.ID], err = made(h.ID); err != nil {
			return err
		}
	}
	got, err := snapshot.Facets(ctx, "qa")
	if err != nil {
		return err
	}
	want, documents := found.facets("qa", func(e entry) bool { return e.color == color })
	if got.Documents != documents || fmt.Sprint(got.Counts) != fmt.Sprint(want) {
		return fmt.Errorf("facets %v over %d, want %v over %d", got.Counts, got.Documents, want, documents)
	}
	stock := map[string]int{}
	for _, f := range res.Facets["f"].Terms.Terms() {
		stock[f.Term] = f.Count
	}
	for _, c := range want {
		if n := stock[strconv.Itoa(int(c.Feature))]; uint64(n) != c.Documents {
			return fmt.Errorf("stock facet %d has %d, want %d", c.Feature, n, c.Documents)
		}
	}
	return nil
}
