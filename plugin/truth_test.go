package plugin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
)

// testOptions are those of the tests' indexes.
var testOptions = &featureindex.Options{Fingerprint: "test", Features: 80, Views: []string{"original", "qa"}, Dim: 8}

// An entry is a document as the tests know it.
type entry struct {
	text  string
	color string
	codes featureindex.Document
	bare  bool // no Field
}

// A truth is what an index should hold, by id.
type truth map[string]entry

// words are what texts are made of.
var words = []string{"river", "stone", "cloud", "amber", "willow", "ember", "north", "glass"}

// randomEntry makes up a document.
func randomEntry(r *rand.Rand) entry {
	e := entry{color: []string{"red", "green", "blue"}[r.IntN(3)], bare: r.IntN(20) == 0}
	for range 3 + r.IntN(6) {
		e.text += words[r.IntN(len(words))] + " "
	}
	e.codes = randomDocument(r, testOptions)
	return e
}

// randomDocument makes up codes and vectors; features of low numbers are
// frequent.
func randomDocument(r *rand.Rand, o *featureindex.Options) featureindex.Document {
	d := featureindex.Document{Views: make([]featureindex.Code, len(o.Views))}
	for v := range d.Views {
		set := map[uint32]bool{}
		for range r.IntN(12) {
			set[uint32(float64(o.Features)*math.Pow(r.Float64(), 2))] = true
		}
		for _, f := range slices.Sorted(maps.Keys(set)) {
			d.Views[v].Features = append(d.Views[v].Features, f)
			d.Views[v].Activations = append(d.Views[v].Activations, float32(r.IntN(64)+1)/16)
		}
	}
	if r.IntN(10) > 0 {
		d.Embedding, d.Sum = randomVector(r, o.Dim), randomVector(r, o.Dim)
	}
	return d
}

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func randomTerms(r *rand.Rand, n int) (t featureindex.Terms) {
	for _, f := range r.Perm(testOptions.Features)[:n] {
		t.Features = append(t.Features, uint32(f))
		t.Weights = append(t.Weights, float32(r.IntN(33)-6)/8)
	}
	return t
}

// testMapping analyses text as words and color as a keyword.
func testMapping() *mapping.IndexMappingImpl {
	m := bleve.NewIndexMapping()
	color := bleve.NewKeywordFieldMapping()
	m.DefaultMapping.AddFieldMappingsAt("color", color)
	return m
}

// put adds a document to a batch and to the truth.
func (tr truth) put(t testing.TB, b *bleve.Batch, m mapping.IndexMapping, id string, e entry) {
	t.Helper()
	if err := addEntry(b, m, id, e); err != nil {
		t.Fatal(err)
	}
	tr[id] = e
}

func addEntry(b *bleve.Batch, m mapping.IndexMapping, id string, e entry) error {
	doc := document.NewDocument(id)
	if err := m.MapDocument(doc, map[string]any{"text": e.text, "color": e.color}); err != nil {
		return err
	}
	if !e.bare {
		doc.AddField(NewField(testOptions, e.codes))
	}
	return b.IndexAdvanced(doc)
}

// code returns the code of a view, empty for a document without a Field.
func (e entry) code(v int) featureindex.Code {
	if e.bare {
		return featureindex.Code{}
	}
	return e.codes.Views[v]
}

// viewsOf returns the views behind a name.
func viewsOf(name string) []int {
	switch name {
	case "", UnionField:
		return []int{0, 1}
	case "original":
		return []int{0}
	}
	return []int{1}
}

// dot is the definition of Dot's score.
func (e entry) dot(view string, t featureindex.Terms) (score float64, matched bool) {
	for _, v := range viewsOf(view) {
		c := e.code(v)
		for i, f := range c.Features {
			if j := slices.Index(t.Features, f); j >= 0 && t.Weights[j] != 0 {
				score += float64(t.Weights[j]) * float64(c.Activations[i])
				matched = true
			}
		}
	}
	return score, matched
}

// overlap is the definition of Overlap's score.
func (e entry) overlap(view string, features []uint32) (n int) {
	for _, f := range features {
		if e.active(view, f) {
			n++
		}
	}
	return n
}

func (e entry) active(view string, f uint32) bool {
	for _, v := range viewsOf(view) {
		if slices.Contains(e.code(v).Features, f) {
			return true
		}
	}
	return false
}

// near is the definition of KNN's score.
func (e entry) near(column string, q []float32) (sum float64, ok bool) {
	v := e.codes.Embedding
	if column == SumColumn {
		v = e.codes.Sum
	}
	if e.bare || v == nil {
		return 0, false
	}
	for i := range q {
		sum += float64(q[i]) * float64(v[i])
	}
	return sum, true
}

// scores are what a query should find.
func (tr truth) scores(score func(entry) (float64, bool)) map[string]float64 {
	all := map[string]float64{}
	for id, e := range tr {
		if s, ok := score(e); ok {
			all[id] = s
		}
	}
	return all
}

// find runs a query and returns all hits.
func find(t testing.TB, i bleve.Index, q query.Query) []*search.DocumentMatch {
	t.Helper()
	return request(t, i, bleve.NewSearchRequestOptions(q, 100000, 0, false)).Hits
}

func request(t testing.TB, i bleve.Index, r *bleve.SearchRequest) *bleve.SearchResult {
	t.Helper()
	res, err := i.Search(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// same compares hits with scores by id.
func same(t testing.TB, what string, hits []*search.DocumentMatch, want map[string]float64) {
	t.Helper()
	got := map[string]float64{}
	for _, h := range hits {
		got[h.ID] = h.Score
	}
	if len(got) != len(hits) || len(got) != len(want) {
		t.Fatalf("%s: %d hits of %d documents, want %d", what, len(hits), len(got), len(want))
	}
	for id, s := range want {
		if g, ok := got[id]; !ok || !equals(g, s) {
			t.Fatalf("%s: document %s scores %v (found %v), want %v", what, id, g, ok, s)
		}
	}
}

func equals(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(b)) }

// best compares the k best hits with the scores of all documents.
func best(t testing.TB, what string, hits []*search.DocumentMatch, all map[string]float64, k int) {
	t.Helper()
	ranked := slices.SortedFunc(maps.Values(all), func(a, b float64) int { return cmp.Compare(b, a) })
	if want := min(k, len(all)); len(hits) != want {
		t.Fatalf("%s: %d hits, want %d", what, len(hits), want)
	}
	for i, h := range hits {
		if !equals(h.Score, ranked[i]) || !equals(all[h.ID], ranked[i]) {
			t.Fatalf("%s: hit %d is %s of score %v, which should be %v; rank has %v", what, i, h.ID, h.Score, all[h.ID], ranked[i])
		}
	}
}

// randomIndex makes an index of n documents in batches of so many, and updates
// and deletes some of them.
func randomIndex(t testing.TB, path string, r *rand.Rand, n, batch int, config map[string]any) (bleve.Index, truth) {
	t.Helper()
	i, err := Create(path, testMapping(), *testOptions, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOnce(t, i) })
	tr := truth{}
	grow(t, i, tr, r, n, batch)
	return i, tr
}

// closed are the indexes that closeOnce has closed: Bleve panics at a second time.
var closed sync.Map

func closeOnce(t testing.TB, i bleve.Index) {
	t.Helper()
	if _, again := closed.LoadOrStore(i, true); again {
		return
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
}

// grow puts n documents in batches, and deletes some as it goes.
func grow(t testing.TB, i bleve.Index, tr truth, r *rand.Rand, n, batch int) {
	t.Helper()
	for n > 0 {
		b := i.NewBatch()
		for range min(batch, n) {
			if old := slices.Sorted(maps.Keys(tr)); len(old) > 0 && r.IntN(5) == 0 {
				id := old[r.IntN(len(old))]
				if r.IntN(2) == 0 {
					b.Delete(id)
					delete(tr, id)
					continue
				}
				tr.put(t, b, i.Mapping(), id, randomEntry(r))
				continue
			}
			tr.put(t, b, i.Mapping(), strconv.Itoa(r.IntN(1<<30)), randomEntry(r))
		}
		if err := i.Batch(b); err != nil {
			t.Fatal(err)
		}
		n -= batch
	}
}

// forceMerge merges all segments into one.
func forceMerge(t testing.TB, i bleve.Index) {
	t.Helper()
	if err := Compact(context.Background(), i); err != nil {
		t.Fatal(err)
	}
	if n := segmentCount(t, i); n > 1 {
		t.Fatalf("%d segments after merging", n)
	}
}

// segmentCount returns how many segments an index has.
func segmentCount(t testing.TB, i bleve.Index) int {
	t.Helper()
	n, err := segmentsIn(i)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func name(parts ...any) string { return fmt.Sprint(parts...) }

// A fieldMapping maps entries, with their Fields.
type fieldMapping struct{ *mapping.IndexMappingImpl }

func (m *fieldMapping) MapDocument(doc *document.Document, data any) error {
	e := data.(entry)
	if !e.bare {
		doc.AddField(NewField(testOptions, e.codes))
	}
	return m.IndexMappingImpl.MapDocument(doc, map[string]any{"text": e.text, "color": e.color})
}
