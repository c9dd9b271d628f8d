package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/collector"
	"github.com/blevesearch/bleve/v2/search/query"
)

// facets are what Facets should count.
func (tr truth) facets(view string, counted func(entry) bool) (counts []Facet, documents uint64) {
	by := make([]uint64, testOptions.Features)
	for _, e := range tr {
		if !counted(e) {
			continue
		}
		documents++
		for _, f := range activeIn(e, view) {
			by[f]++
		}
	}
	for f, n := range by {
		if n > 0 {
			counts = append(counts, Facet{uint32(f), n})
		}
	}
	slices.SortStableFunc(counts, func(a, b Facet) int { return cmp.Compare(b.Documents, a.Documents) })
	return counts, documents
}

func sameFacets(t testing.TB, what string, got *Facets, counts []Facet, documents uint64) {
	t.Helper()
	if got.Documents != documents || fmt.Sprint(got.Counts) != fmt.Sprint(counts) {
		t.Fatalf("%s: %v over %d, want %v over %d", what, got.Counts, got.Documents, counts, documents)
	}
}

func red(e entry) bool { return e.color == "red" }

// watched runs a search under a Snapshot.
func watched(t testing.TB, i bleve.Index, r *bleve.SearchRequest) (*Snapshot, *bleve.SearchResult) {
	t.Helper()
	ctx, snapshot := Watch(context.Background())
	res, err := i.SearchInContext(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = snapshot.Close() })
	return snapshot, res
}

func TestSnapshotIsOfItsSearch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	r := rand.New(rand.NewPCG(8, 1))
	i, tr := randomIndex(t, path, r, 300, 40, nil)
	before := cloned(tr)
	req := bleve.NewSearchRequestOptions(field(query.NewTermQuery("red"), "color"), 1000, 0, false)
	snapshot, res := watched(t, i, req)
	grow(t, i, tr, r, 300, 40)
	forceMerge(t, i)

	if n, err := snapshot.Matches(); err != nil || n != res.Total {
		t.Fatal(n, res.Total, err)
	}
	for _, view := range []string{"", "original", "qa"} {
		got, err := snapshot.Facets(context.Background(), view)
		if err != nil {
			t.Fatal(err)
		}
		counts, documents := before.facets(view, red)
		sameFacets(t, view, got, counts, documents)
		got, err = snapshot.FacetsOf(context.Background(), view, &Any{"qa", []uint32{0, 1}}, i.Mapping())
		if err != nil {
			t.Fatal(err)
		}
		counts, documents = before.facets(view, func(e entry) bool { return e.overlap("qa", []uint32{0, 1}) > 0 })
		sameFacets(t, view, got, counts, documents)
		all, err := snapshot.FacetsOf(context.Background(), view, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		everything, documents := before.facets(view, func(entry) bool { return true })
		sameFacets(t, view, all, everything, documents)
		top, other := got.Top(3)
		for _, c := range counts[3:] {
			other -= c.Documents
		}
		if len(top) != 3 || other != 0 {
			t.Fatalf("top %v, other wrong by %d", top, other)
		}
	}
	for _, h := range res.Hits {
		d, err := snapshot.Document(h)
		if err != nil {
			t.Fatal(err)
		}
		before[h.ID].equalDocument(t, d)
	}
	if h, err := snapshot.Health(); err != nil || !h.OK() {
		t.Fatal(h, err)
	}
}

// equalDocument compares a document's codes and vectors.
func (e entry) equalDocument(t testing.TB, d *Document) {
	t.Helper()
	for v, name := range testOptions.Views {
		if got, err := d.Code(name); err != nil || fmt.Sprint(got) != fmt.Sprint(e.code(v)) {
			t.Fatalf("code %v (%v), want %v", got, err, e.code(v))
		}
	}
	var want featureindex.Document
	if !e.bare {
		want = e.codes
	}
	z, err := d.Embedding()
	if err != nil || !slices.Equal(z, want.Embedding) {
		t.Fatalf("embedding %v (%v), want %v", z, err, want.Embedding)
	}
	u, err := d.Sum()
	if err != nil || !slices.Equal(u, want.Sum) {
		t.Fatalf("sum %v (%v), want %v", u, err, want.Sum)
	}
}

func TestSharedFeaturesAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 2))
	i, _ := randomIndex(t, "", r, 200, 40, nil)
	terms := randomTerms(r, 12)
	for _, view := range []string{"", "original", "qa"} {
		snapshot, res := watched(t, i, bleve.NewSearchRequestOptions(&Dot{View: view, Terms: terms, K: 20}, 20, 0, false))
		for _, h := range res.Hits {
			d, err := snapshot.Document(h)
			if err != nil {
				t.Fatal(err)
			}
			shared, err := d.Shared(view, terms)
			total := 0.0
			for _, s := range shared {
				total += s.Value()
			}
			if err != nil || len(shared) == 0 || total != h.Score {
				t.Fatalf("%d features add up to %v (%v), the score is %v", len(shared), total, err, h.Score)
			}
		}
	}
}

// addsUp compares a score with its explanation, and each explanation with its
// children.
func addsUp(t testing.TB, e *search.Explanation, score float64) {
	t.Helper()
	if !equals(e.Value, score) {
		t.Fatalf("explanation of %v is of %v", score, e.Value)
	}
	if len(e.Children) == 0 {
		return
	}
	total := 0.0
	for _, c := range e.Children {
		addsUp(t, c, c.Value)
		total += c.Value
	}
	if !equals(total, e.Value) {
		t.Fatalf("children of %q add up to %v, not %v", e.Message, total, e.Value)
	}
}

func TestExplanationsAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 3))
	i, _ := randomIndex(t, "", r, 200, 40, nil)
	terms, vector := randomTerms(r, 12), randomVector(r, testOptions.Dim)
	for _, q := range []Scoring{
		&Dot{Terms: terms, K: 10},
		&Dot{View: "qa", Terms: terms, Boosted: 3},
		&Overlap{Features: terms.Features, K: 10, Boosted: .5},
		&KNN{Vector: vector, K: 10, Boosted: 2},
		&Steer{Base: &KNN{Column: SumColumn, Vector: vector}, Terms: terms, K: 10, Boosted: 2},
		&Steer{Base: &Dot{Terms: terms}, View: "qa", Terms: randomTerms(r, 4), K: 10},
	} {
		snapshot, res := watched(t, i, bleve.NewSearchRequestOptions(q, 10, 0, true))
		if len(res.Hits) == 0 {
			t.Fatalf("%T finds nothing", q)
		}
		for _, h := range res.Hits {
			addsUp(t, h.Expl, h.Score)
			d, err := snapshot.Document(h)
			if err != nil {
				t.Fatal(err)
			}
			e, err := d.Explain(q)
			if err != nil || e.String() != h.Expl.String() {
				t.Fatalf("%v: %v, want %v", err, e, h.Expl)
			}
		}
		both := bleve.NewConjunctionQuery(bleve.NewQueryStringQuery("river"), q)
		for _, h := range request(t, i, bleve.NewSearchRequestOptions(both, 10, 0, true)).Hits {
			total := 0.0
			for _, c := range h.Expl.Children {
				total += c.Value // text explanations are products below this
			}
			if !equals(total, h.Score) {
				t.Fatalf("%v adds up to %v, not %v", h.Expl, total, h.Score)
			}
		}
	}
	for _, h := range request(t, i, bleve.NewSearchRequestOptions(&Not{Features: []uint32{1}}, 10, 0, true)).Hits {
		addsUp(t, h.Expl, 0)
	}
}

func TestClosedSnapshot(t *testing.T) {
	i, tr := randomIndex(t, "", rand.New(rand.NewPCG(8, 4)), 20, 20, nil)
	snapshot, res := watched(t, i, bleve.NewSearchRequest(bleve.NewMatchAllQuery()))
	d, err := snapshot.Document(res.Hits[0])
	if err != nil {
		t.Fatal(err)
	}
	tr[res.Hits[0].ID].equalDocument(t, d)
	for range 2 {
		if err := snapshot.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, unused := Watch(context.Background())
	for _, f := range []func() error{
		func() error { _, err := d.Code(""); return err },
		func() error { _, err := d.Sum(); return err },
		func() error { _, err := snapshot.Document(res.Hits[0]); return err },
		func() error { _, err := snapshot.Named("1"); return err },
		func() error { _, err := snapshot.Facets(context.Background(), ""); return err },
		func() error { _, err := snapshot.Matches(); return err },
		func() error { _, err := unused.Health(); return err },
	} {
		if err := f(); !errors.Is(err, ErrClosed) {
			t.Errorf("%v", err)
		}
	}
}

func TestWatchKeepsOtherHandlers(t *testing.T) {
	i, tr := randomIndex(t, "", rand.New(rand.NewPCG(8, 5)), 20, 20, nil)
	seen := 0
	ctx := context.WithValue(context.Background(), search.MakeDocumentMatchHandlerKey,
		search.MakeDocumentMatchHandler(func(c *search.SearchContext) (search.DocumentMatchHandler, bool, error) {
			next, load, err := collector.MakeTopNDocumentMatchHandler(c)
			return func(m *search.DocumentMatch) error {
				if m != nil {
					seen++
				}
				return next(m)
			}, load, err
		}))
	ctx, snapshot := Watch(ctx)
	defer snapshot.Close()
	if _, err := i.SearchInContext(ctx, bleve.NewSearchRequest(bleve.NewMatchAllQuery())); err != nil {
		t.Fatal(err)
	}
	if n, err := snapshot.Matches(); err != nil || n != uint64(len(tr)) || seen != len(tr) {
		t.Fatal(n, seen, len(tr), err)
	}
}

func TestAlias(t *testing.T) {
	r, tr := rand.New(rand.NewPCG(8, 6)), truth{}
	alias := bleve.NewIndexAlias()
	for range 3 {
		i, part := randomIndex(t, "", r, 80, 30, nil)
		for id, e := range part {
			tr[id] = e
		}
		alias.Add(i)
	}
	terms := randomTerms(r, 8)
	dots := tr.scores(func(e entry) (float64, bool) { return e.dot("", terms) })
	same(t, "dot", find(t, alias, &Dot{Terms: terms}), dots)
	best(t, "best dots", request(t, alias, bleve.NewSearchRequestOptions(&Dot{Terms: terms, K: 7}, 7, 0, false)).Hits, dots, 7)
	snapshot, res := watched(t, alias, bleve.NewSearchRequestOptions(field(query.NewTermQuery("red"), "color"), 1000, 0, false))
	got, err := snapshot.Facets(context.Background(), "qa")
	if err != nil {
		t.Fatal(err)
	}
	counts, documents := tr.facets("qa", red)
	sameFacets(t, "alias", got, counts, documents)
	for _, h := range res.Hits {
		d, err := snapshot.Document(h)
		if err != nil {
			t.Fatal(err)
		}
		tr[h.ID].equalDocument(t, d)
	}
}

func TestNeutralSteeringIsNoSteering(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 7))
	i, _ := randomIndex(t, "", r, 200, 40, nil)
	neutral := featureindex.Terms{Features: []uint32{1, 2, 3}, Weights: make([]float32, 3)}
	terms, vector := randomTerms(r, 9), randomVector(r, testOptions.Dim)
	for _, c := range []struct{ base, ranked Scoring }{
		{&Dot{Terms: terms}, &Dot{Terms: terms, K: 50}},
		{&KNN{Vector: vector}, &KNN{Vector: vector, K: 50}},
	} {
		want := find(t, i, c.ranked)
		for n, h := range find(t, i, &Steer{Base: c.base, Terms: neutral, K: 50}) {
			if h.ID != want[n].ID || h.Score != want[n].Score {
				t.Fatalf("hit %d is %s of score %v, want %s of %v", n, h.ID, h.Score, want[n].ID, want[n].Score)
			}
		}
	}
}
