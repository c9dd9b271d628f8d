package plugin

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
)

func TestOptionsOfAnIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	config := map[string]any{"segmentConfig": map[string]any{"other": 1.0}}
	i, err := Create(path, testMapping(), *testOptions, config)
	if err != nil {
		t.Fatal(err)
	}
	if len(config) != 1 || len(config["segmentConfig"].(map[string]any)) != 1 {
		t.Fatalf("the configuration is now %v", config)
	}
	for range 2 {
		if o, err := Options(i); err != nil || !sameOptions(o, testOptions) {
			t.Fatalf("%+v: %v", o, err)
		}
		i = reopen(t, i, path)
	}
	if _, err := Create(path, testMapping(), *testOptions, nil); !errors.Is(err, bleve.ErrorIndexPathExists) {
		t.Fatalf("created twice: %v", err)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for _, o := range []featureindex.Options{
		{},
		{Features: 10, Views: []string{UnionField}},
		{Features: 10, Views: []string{"_id"}},
		{Features: 10, Views: []string{"a", "a"}},
		{Features: 10, Views: []string{"a"}, Fingerprint: "\xff"},
	} {
		path := filepath.Join(t.TempDir(), "index")
		if _, err := Create(path, testMapping(), o, nil); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := BuilderConfig(o, nil); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestIndexesWithoutFeatures(t *testing.T) {
	stock, err := bleve.NewUsing("", testMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stock.Close()
	if err := stock.Index("a", map[string]any{"text": "river"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Options(stock); !errors.Is(err, ErrNotFeatureIndex) {
		t.Fatal(err)
	}
	if h, err := CheckHealth(stock); err != nil || h.Segments != 1 || h.Codeless != 1 || !h.OK() {
		t.Fatal(h, err)
	}
	if damage, err := Check(context.Background(), stock); err != nil || len(damage) > 0 {
		t.Fatal(damage, err)
	}
	(truth{}).noCodes(t, stock)

	old, err := bleve.NewMemOnly(testMapping())
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for _, q := range []query.Query{&Overlap{Features: []uint32{1}}, &Any{Features: []uint32{1}}} {
		if _, err := old.Search(bleve.NewSearchRequest(q)); !errors.Is(err, ErrNotFeatureIndex) {
			t.Fatal(err)
		}
	}
}

// noCodes queries an index of one document without codes.
func (truth) noCodes(t *testing.T, i bleve.Index) {
	t.Helper()
	for _, c := range []struct {
		q    query.Query
		want int
	}{
		{&Overlap{Features: []uint32{1}}, 0}, {&KNN{Vector: []float32{1}}, 0}, {&Any{Features: []uint32{1}}, 0},
		{&Not{Features: []uint32{1}}, 1}, {&All{}, 1},
	} {
		if hits := find(t, i, c.q); len(hits) != c.want {
			t.Errorf("%T finds %d", c.q, len(hits))
		}
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	i, _ := randomIndex(t, "", rand.New(rand.NewPCG(1, 4)), 10, 10, nil)
	one := featureindex.Terms{Features: []uint32{1}, Weights: []float32{1}}
	for _, q := range []query.Query{
		&Dot{View: "summary", Terms: one},
		&Dot{Terms: featureindex.Terms{Features: []uint32{80}, Weights: []float32{1}}},
		&Dot{Terms: featureindex.Terms{Features: []uint32{80}, Weights: []float32{1}}, K: 1},
		&Overlap{Features: []uint32{1, 1}},
		&Overlap{View: "summary", Features: []uint32{1}},
		&KNN{Vector: []float32{1}},
		&KNN{Column: "summary", Vector: make([]float32, 8)},
		&Steer{Base: &Dot{Terms: one}, View: "summary", Terms: one},
		&Steer{Terms: one},
		&Any{View: "summary", Features: []uint32{1}},
		&All{Features: []uint32{99}},
	} {
		if _, err := i.Search(bleve.NewSearchRequest(q)); !errors.Is(err, ErrQuery) {
			t.Errorf("%#v: %v", q, err)
		}
	}
}

func TestCanceledQueries(t *testing.T) {
	i, _ := randomIndex(t, "", rand.New(rand.NewPCG(1, 4)), 50, 10, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, q := range []query.Query{
		&Dot{Terms: featureindex.Terms{Features: []uint32{1}, Weights: []float32{1}}, K: 3},
		&KNN{Vector: make([]float32, 8), K: 3},
		&Overlap{Features: []uint32{1}, Filter: bleve.NewMatchAllQuery()},
	} {
		if _, err := i.SearchInContext(ctx, bleve.NewSearchRequest(q)); !errors.Is(err, context.Canceled) {
			t.Errorf("%T: %v", q, err)
		}
	}
}

func TestBoost(t *testing.T) {
	i, _ := randomIndex(t, "", rand.New(rand.NewPCG(1, 4)), 50, 10, nil)
	one := featureindex.Terms{Features: []uint32{1}, Weights: []float32{1}}
	for _, q := range []query.BoostableQuery{
		&Dot{Terms: one, K: 1}, &Overlap{Features: []uint32{1}, K: 1}, &KNN{Vector: []float32{1, 0, 0, 0, 0, 0, 0, 0}, K: 1},
		&Steer{Base: &Dot{Terms: one}, Terms: one, K: 1},
	} {
		before := find(t, i, q)[0].Score
		if q.Boost() != 1 {
			t.Errorf("%T has boost %v", q, q.Boost())
		}
		q.SetBoost(4)
		if after := find(t, i, q)[0].Score; after != 4*before || q.Boost() != 4 {
			t.Errorf("%T boosted by %v scores %v, before %v", q, q.Boost(), after, before)
		}
	}
}

func TestThreadsChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	i, _ := randomIndex(t, "", r, 400, 200, nil)
	q := &Dot{Terms: randomTerms(r, 20), K: 30}
	one := find(t, i, q)
	res, err := i.SearchInContext(WithThreads(context.Background(), 4), bleve.NewSearchRequestOptions(q, 100, 0, false))
	if err != nil || len(res.Hits) != len(one) {
		t.Fatal(res, err)
	}
	for n, h := range res.Hits {
		if h.ID != one[n].ID || h.Score != one[n].Score {
			t.Fatalf("hit %d is %s, want %s", n, h.ID, one[n].ID)
		}
	}
}

// TestTextIsStocks compares text queries with those of an index that has never
// heard of features.
func TestTextIsStocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	ours, tr := randomIndex(t, "", r, 0, 1, nil)
	stock, err := bleve.NewUsing("", testMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stock.Close()
	for range 10 {
		a, b := ours.NewBatch(), stock.NewBatch()
		for range 30 {
			id, e := strconv.Itoa(r.IntN(150)), randomEntry(r)
			tr.put(t, a, ours.Mapping(), id, e)
			if err := b.Index(id, map[string]any{"text": e.text, "color": e.color}); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(ours.Batch(a), stock.Batch(b)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []string{"river stone", "+river -stone", "\"amber willow\"", "clo*", "color:red ember~1", "*"} {
		want := map[string]float64{}
		for _, h := range find(t, stock, query.NewQueryStringQuery(s)) {
			want[h.ID] = h.Score
		}
		same(t, s, find(t, ours, query.NewQueryStringQuery(s)), want)
	}
	req := func() *bleve.SearchRequest {
		r := bleve.NewSearchRequest(bleve.NewMatchAllQuery())
		r.AddFacet("color", bleve.NewFacetRequest("color", 10))
		r.SortBy([]string{"color", "_id"})
		r.Fields = []string{"*"}
		return r
	}
	a, b := request(t, ours, req()), request(t, stock, req())
	if len(a.Facets["color"].Terms.Terms()) != 3 {
		t.Fatalf("facets %v", a.Facets["color"].Terms.Terms())
	}
	for n, f := range a.Facets["color"].Terms.Terms() {
		if *f != *b.Facets["color"].Terms.Terms()[n] {
			t.Errorf("facet %v, want %v", f, b.Facets["color"].Terms.Terms()[n])
		}
	}
	for n, h := range a.Hits {
		if h.ID != b.Hits[n].ID || len(h.Fields) != 2 || h.Fields["text"] != b.Hits[n].Fields["text"] {
			t.Errorf("hit %d: %s %v, want %s %v", n, h.ID, h.Fields, b.Hits[n].ID, b.Hits[n].Fields)
		}
	}
}
