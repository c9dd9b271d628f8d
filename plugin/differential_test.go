package plugin

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
)

// equal compares everything that an index answers with brute force over what it
// should hold.
func (tr truth) equal(t testing.TB, i bleve.Index, seed uint64) {
	t.Helper()
	if n, err := i.DocCount(); err != nil || n != uint64(len(tr)) {
		t.Fatalf("%d documents (%v), want %d", n, err, len(tr))
	}
	r := rand.New(rand.NewPCG(seed, 1))
	for _, view := range []string{"", "original", "qa"} {
		tr.equalScoring(t, i, r, view)
		tr.equalFilters(t, i, r, view)
		tr.equalStock(t, i, r, view)
	}
	tr.equalDense(t, i, r)
	tr.equalComposed(t, i, r)
}

// equalDense compares KNN and Steer, over either base.
func (tr truth) equalDense(t testing.TB, i bleve.Index, r *rand.Rand) {
	t.Helper()
	q, terms, toggles := randomVector(r, testOptions.Dim), randomTerms(r, 6), randomTerms(r, 4)
	for _, column := range []string{"", SumColumn} {
		near := tr.scores(func(e entry) (float64, bool) { return e.near(column, q) })
		same(t, name("knn ", column), find(t, i, &KNN{Column: column, Vector: q}), near)
		best(t, name("best knn ", column), find(t, i, &KNN{Column: column, Vector: q, K: 9}), near, 9)
		for _, view := range []string{"", "qa"} {
			steered := tr.scores(func(e entry) (float64, bool) {
				s, ok := e.near(column, q)
				c, _ := e.dot(view, toggles)
				return s + c, ok
			})
			steer := Steer{Base: &KNN{Column: column, Vector: q}, View: view, Terms: toggles}
			same(t, name("steered knn ", column, view), find(t, i, &steer), steered)
			steer.K = 9
			best(t, name("best steered knn ", column, view), find(t, i, &steer), steered, 9)
		}
	}
	for _, view := range []string{"", "qa", "original"} {
		steered := tr.scores(func(e entry) (float64, bool) {
			s, base := e.dot("", terms)
			c, corrected := e.dot(view, toggles)
			return s + c, base || corrected
		})
		steer := Steer{Base: &Dot{Terms: terms}, View: view, Terms: toggles, K: 9}
		best(t, name("best steered dots ", view), find(t, i, &steer), steered, 9)
	}
}

func (tr truth) equalScoring(t testing.TB, i bleve.Index, r *rand.Rand, view string) {
	t.Helper()
	for range 4 {
		terms := randomTerms(r, 1+r.IntN(10))
		dots := tr.scores(func(e entry) (float64, bool) { return e.dot(view, terms) })
		same(t, name("dot ", view), find(t, i, &Dot{View: view, Terms: terms}), dots)
		red := tr.scores(func(e entry) (float64, bool) {
			s, ok := e.dot(view, terms)
			return 2 * s, ok && e.color == "red"
		})
		for _, k := range []int{1, 7, 1000} {
			best(t, name("best dots ", view), find(t, i, &Dot{View: view, Terms: terms, K: k}), dots, k)
			q := &Dot{View: view, Terms: terms, K: k, Filter: field(query.NewTermQuery("red"), "color"), Boosted: 2}
			best(t, name("best red dots ", view), find(t, i, q), red, k)
		}
		minimum := r.IntN(4)
		overlaps := tr.scores(func(e entry) (float64, bool) {
			n := e.overlap(view, terms.Features)
			return float64(n), n >= max(1, minimum)
		})
		same(t, name("overlap ", view), find(t, i, &Overlap{View: view, Features: terms.Features, Min: minimum}), overlaps)
		best(t, name("best overlaps ", view), find(t, i, &Overlap{View: view, Features: terms.Features, Min: minimum, K: 5}), overlaps, 5)
	}
}

func (tr truth) equalFilters(t testing.TB, i bleve.Index, r *rand.Rand, view string) {
	t.Helper()
	for n := range 4 {
		features := randomTerms(r, n).Features
		for _, f := range []struct {
			q       query.Query
			matches func(overlap int) bool
		}{
			{&All{view, features}, func(o int) bool { return o == n }},
			{&Any{view, features}, func(o int) bool { return o > 0 }},
			{&Not{view, features}, func(o int) bool { return o == 0 }},
		} {
			want := tr.scores(func(e entry) (float64, bool) { return 0, f.matches(e.overlap(view, features)) })
			same(t, fmt.Sprintf("%T %s of %d", f.q, view, n), find(t, i, f.q), want)
		}
	}
}

// field sets the field of a query.
func field(q query.FieldableQuery, name string) query.Query {
	q.SetField(name)
	return q
}

// equalStock asks Bleve's own queries about the virtual fields.
func (tr truth) equalStock(t testing.TB, i bleve.Index, r *rand.Rand, view string) {
	t.Helper()
	fieldName := view
	if view == "" {
		fieldName = UnionField
	}
	ids := func(q query.Query, matches func(entry) bool) {
		t.Helper()
		got, want := map[string]float64{}, map[string]float64{}
		hits := find(t, i, q)
		for _, h := range hits {
			got[h.ID], h.Score = 0, 0
		}
		for id, e := range tr {
			if matches(e) {
				want[id] = 0
			}
		}
		same(t, fmt.Sprintf("stock %T over %s", q, fieldName), hits, want)
	}
	for range 3 {
		a, b := uint32(r.IntN(20)), uint32(r.IntN(20))
		ids(field(query.NewTermQuery(strconv.Itoa(int(a))), fieldName), func(e entry) bool { return e.active(view, a) })
		ids(query.NewQueryStringQuery(fmt.Sprintf("+%s:%d +%s:%d", fieldName, a, fieldName, b)),
			func(e entry) bool { return e.active(view, a) && e.active(view, b) })
		ids(query.NewQueryStringQuery(fmt.Sprintf("+text:river -%s:%d", fieldName, a)),
			func(e entry) bool { return strings.Contains(e.text, "river") && !e.active(view, a) })
	}
	tr.equalBitmaps(t, i, view, fieldName)
	ids(field(query.NewPrefixQuery("1"), fieldName), func(e entry) bool {
		return slices.ContainsFunc(activeIn(e, view), func(f uint32) bool { return strconv.Itoa(int(f))[0] == '1' })
	})
	ids(field(query.NewWildcardQuery("?7"), fieldName), func(e entry) bool {
		return slices.ContainsFunc(activeIn(e, view), func(f uint32) bool { return f >= 10 && f%10 == 7 })
	})
	tr.equalFacets(t, i, view, fieldName)
}

// equalBitmaps runs conjunctions and disjunctions of terms, with scores and
// without: scorch then works on whole bitmaps.
func (tr truth) equalBitmaps(t testing.TB, i bleve.Index, view, fieldName string) {
	t.Helper()
	var children []query.Query
	for f := range 3 {
		children = append(children, field(query.NewTermQuery(strconv.Itoa(f)), fieldName))
	}
	for _, c := range []struct {
		q       query.Query
		matches func(overlap int) bool
	}{
		{query.NewConjunctionQuery(children), func(o int) bool { return o == 3 }},
		{query.NewDisjunctionQuery(children), func(o int) bool { return o > 0 }},
	} {
		want := tr.scores(func(e entry) (float64, bool) { return 0, c.matches(e.overlap(view, []uint32{0, 1, 2})) })
		for _, score := range []string{"", noScores} {
			req := bleve.NewSearchRequestOptions(c.q, 100000, 0, false)
			req.Score = score
			hits := request(t, i, req).Hits
			for _, h := range hits {
				h.Score = 0
			}
			same(t, fmt.Sprintf("%T of terms over %s, score %q", c.q, fieldName, score), hits, want)
		}
	}
}

// activeIn returns those active in a view.
func activeIn(e entry, view string) (all []uint32) {
	for f := range uint32(testOptions.Features) {
		if e.active(view, f) {
			all = append(all, f)
		}
	}
	return all
}

func (tr truth) equalFacets(t testing.TB, i bleve.Index, view, fieldName string) {
	t.Helper()
	want := map[string]int{}
	for _, e := range tr {
		if e.color == "blue" {
			for _, f := range activeIn(e, view) {
				want[strconv.Itoa(int(f))]++
			}
		}
	}
	req := bleve.NewSearchRequest(field(query.NewTermQuery("blue"), "color"))
	req.AddFacet("f", bleve.NewFacetRequest(fieldName, 1000))
	got := map[string]int{}
	for _, f := range request(t, i, req).Facets["f"].Terms.Terms() {
		got[f.Term] = f.Count
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("stock facets over %s: %v, want %v", fieldName, got, want)
	}
}

// equalComposed puts queries of this package under Bleve's.
func (tr truth) equalComposed(t testing.TB, i bleve.Index, r *rand.Rand) {
	t.Helper()
	terms := randomTerms(r, 8)
	river := func(e entry) bool { return strings.Contains(e.text, "river") }
	dots := func(keep func(entry) bool) map[string]float64 {
		return tr.scores(func(e entry) (float64, bool) {
			s, ok := e.dot("", terms)
			return s, ok && keep(e)
		})
	}
	boolean := query.NewBooleanQuery([]query.Query{&Dot{Terms: terms}}, nil, []query.Query{field(query.NewTermQuery("river"), "text")})
	same(t, "dot without river", find(t, i, boolean), dots(func(e entry) bool { return !river(e) }))
	boolean = query.NewBooleanQuery([]query.Query{&Dot{Terms: terms}}, nil, []query.Query{&Any{"qa", []uint32{1, 2}}})
	same(t, "dot without features", find(t, i, boolean), dots(func(e entry) bool { return e.overlap("qa", []uint32{1, 2}) == 0 }))
	boolean = query.NewBooleanQuery([]query.Query{&Dot{Terms: terms}}, nil, nil)
	boolean.AddFilter(field(query.NewTermQuery("river"), "text"))
	same(t, "dot filtered", find(t, i, boolean), dots(river))

	boolean = query.NewBooleanQuery([]query.Query{&Dot{Terms: terms}}, nil, nil)
	boolean.AddFilter(query.NewConjunctionQuery([]query.Query{&Overlap{View: "qa", Features: []uint32{0, 1}, K: 1}, field(query.NewTermQuery("river"), "text")}))
	same(t, "dot filtered by overlap", find(t, i, boolean), dots(func(e entry) bool { return river(e) && e.overlap("qa", []uint32{0, 1}) > 0 }))

	text := map[string]float64{}
	for _, h := range find(t, i, field(query.NewTermQuery("river"), "text")) {
		text[h.ID] = h.Score
	}
	both := dots(river)
	for id := range both {
		both[id] += text[id]
	}
	same(t, "dot and river", find(t, i, query.NewConjunctionQuery([]query.Query{&Dot{Terms: terms}, field(query.NewTermQuery("river"), "text")})), both)
	either := dots(func(entry) bool { return true })
	for id, s := range tr.scores(func(e entry) (float64, bool) { n := e.overlap("qa", terms.Features); return float64(n), n >= 1 }) {
		either[id] += s
	}
	disjunction := query.NewDisjunctionQuery([]query.Query{&Dot{Terms: terms}, &Overlap{View: "qa", Features: terms.Features}})
	for _, h := range find(t, i, disjunction) {
		if _, ok := either[h.ID]; !ok {
			t.Fatalf("disjunction finds %s", h.ID)
		}
		delete(either, h.ID)
	}
	if len(either) > 0 {
		t.Fatalf("disjunction misses %v", either)
	}
}

// slowMerges is a configuration that leaves segments alone.
var slowMerges = map[string]any{
	"scorchMergePlanOptions": map[string]any{"maxSegmentsPerTier": 1000, "floorSegmentSize": 1},
	"scorchPersisterOptions": map[string]any{"numPersisterWorkers": 1, "persisterNapTimeMSec": 0, "persisterNapUnderNumFiles": 10000},
}

func TestEqualsBruteForce(t *testing.T) {
	for _, c := range []struct {
		name     string
		n, batch int
		memory   bool
		config   map[string]any
	}{
		{"empty", 0, 1, true, nil},
		{"one document", 1, 1, false, nil},
		{"one segment", 300, 300, false, nil},
		{"one segment in memory", 300, 300, true, nil},
		{"many segments", 400, 20, false, slowMerges},
		{"many segments in memory", 400, 20, true, nil},
		{"merging", 600, 5, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := ""
			if !c.memory {
				path = filepath.Join(t.TempDir(), "index")
			}
			r := rand.New(rand.NewPCG(7, uint64(c.n)))
			i, tr := randomIndex(t, path, r, c.n, c.batch, c.config)
			tr.equal(t, i, 1)
			if c.memory {
				return
			}
			forceMerge(t, i)
			tr.equal(t, i, 2)
			i = reopen(t, i, path)
			tr.equal(t, i, 3)
			grow(t, i, tr, r, c.n/4, c.batch)
			tr.equal(t, i, 4)
		})
	}
}

// reopen closes an index and opens it with stock Bleve.
func reopen(t testing.TB, i bleve.Index, path string) bleve.Index {
	t.Helper()
	closeOnce(t, i)
	i, err := bleve.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOnce(t, i) })
	return i
}

func TestManySegmentsMergeIntoOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	i, tr := randomIndex(t, path, rand.New(rand.NewPCG(1, 2)), 200, 10, slowMerges)
	if segmentCount(t, i) < 3 {
		t.Fatalf("%d segments to begin with", segmentCount(t, i))
	}
	forceMerge(t, i)
	tr.equal(t, i, 1)
}

func TestDeletingAllAndAddingAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	i, tr := randomIndex(t, path, rand.New(rand.NewPCG(3, 2)), 100, 50, nil)
	b := i.NewBatch()
	for id := range tr {
		b.Delete(id)
	}
	if err := i.Batch(b); err != nil {
		t.Fatal(err)
	}
	(truth{}).equal(t, i, 1)
	b = i.NewBatch()
	for id, e := range tr {
		tr.put(t, b, i.Mapping(), id, e)
	}
	if err := i.Batch(b); err != nil {
		t.Fatal(err)
	}
	tr.equal(t, i, 2)
	forceMerge(t, i)
	tr.equal(t, i, 3)
}

func TestCopyTo(t *testing.T) {
	dir := t.TempDir()
	i, tr := randomIndex(t, filepath.Join(dir, "index"), rand.New(rand.NewPCG(4, 2)), 300, 30, nil)
	if err := i.(bleve.IndexCopyable).CopyTo(bleve.FileSystemDirectory(filepath.Join(dir, "copy"))); err != nil {
		t.Fatal(err)
	}
	c, err := bleve.Open(filepath.Join(dir, "copy"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tr.equal(t, c, 1)
}

func TestRollback(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	r := rand.New(rand.NewPCG(5, 2))
	i, err := Create(path, testMapping(), *testOptions, map[string]any{"numSnapshotsToKeep": 10})
	if err != nil {
		t.Fatal(err)
	}
	tr := truth{}
	states := map[uint64]truth{}
	for range 4 {
		grow(t, i, tr, r, 50, 50)
		states[uint64(len(tr))] = cloned(tr)
		time.Sleep(50 * time.Millisecond)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	points, err := scorch.RollbackPoints(filepath.Join(path, "store"))
	if err != nil || len(points) < 2 {
		t.Fatalf("%d rollback points: %v", len(points), err)
	}
	if err := scorch.Rollback(filepath.Join(path, "store"), points[1]); err != nil {
		t.Fatal(err)
	}
	i, err = bleve.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	n, err := i.DocCount()
	if err != nil {
		t.Fatal(err)
	}
	state, ok := states[n]
	if !ok {
		t.Fatalf("%d documents after the rollback", n)
	}
	state.equal(t, i, 1)
}

func cloned(tr truth) truth {
	c := truth{}
	for id, e := range tr {
		c[id] = e
	}
	return c
}
