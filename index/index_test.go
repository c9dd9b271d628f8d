package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
)

const testDim = 32

var ctx = context.Background()

func randomFloats(r *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(scale * r.NormFloat64())
	}
	return v
}

// testModel returns a random model of 200 features, k = 12.
func testModel() *model.Model {
	r := rand.New(rand.NewPCG(1, 2))
	m := &model.Model{SAE: &model.SAE{Dim: testDim, Features: 200, K: 12, Threshold: model.NoThreshold,
		EncoderWeight: randomFloats(r, 200*testDim, .3), EncoderBias: randomFloats(r, 200, .05),
		Decoder: randomFloats(r, 200*testDim, .2), DecoderBias: randomFloats(r, testDim, .02)}}
	for i := range m.Internalizers {
		m.Internalizers[i] = &model.Internalizer{Dim: testDim, Hidden: 9,
			W1: randomFloats(r, 9*testDim, .5), B1: randomFloats(r, 9, .1), W2: randomFloats(r, 9*testDim, .5), B2: randomFloats(r, testDim, .1)}
	}
	for j := range 150 {
		m.Labels = append(m.Labels, fmt.Sprintf("label %d", j))
	}
	return m
}

// unitVector returns a random vector of length 1.
func unitVector(r *rand.Rand) []float32 {
	v := randomFloats(r, testDim, 1)
	norm := math.Sqrt(gpu.Dot(v, v))
	for i := range v {
		v[i] = float32(float64(v[i]) / norm)
	}
	return v
}

var words = strings.Fields("ice water lake winter density hydrogen lattice float bond crystal heat river snow melt boil vapour")

func testDocuments(seed uint64, n int) []Document {
	r := rand.New(rand.NewPCG(seed, 3))
	documents := make([]Document, n)
	for i := range documents {
		text := make([]string, 3+r.IntN(10))
		for w := range text {
			text[w] = words[r.IntN(len(words))]
		}
		documents[i] = Document{ID: fmt.Sprintf("d%04d", i), Title: words[r.IntN(len(words))], Text: strings.Join(text, " "),
			Fields:    map[string]any{"subject": []any{"physics", "cooking", "2024-01-02"}[r.IntN(3)], "year": float64(1990 + r.IntN(4)), "open": r.IntN(2) == 0},
			Embedding: unitVector(r)}
	}
	return documents
}

func newTestIndex(t testing.TB, path string, documents []Document, batch int) *Index {
	t.Helper()
	ix, err := Create(path, Options{Model: testModel()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	for from := 0; from < len(documents); from += batch {
		if err := ix.Put(ctx, documents[from:min(len(documents), from+batch)]...); err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

// A truth is what a document's vectors and codes are, computed apart from the
// index.
type truth struct {
	Document
	views [model.NumViews][]float32
	codes [model.NumViews]gpu.Code
}

func truths(t testing.TB, documents []Document) []truth {
	t.Helper()
	m := testModel()
	engine, err := gpu.Open(m.SAE, m.Internalizers[:], gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]truth, len(documents))
	for i, d := range documents {
		views, err := engine.Views(ctx, [][]float32{d.Embedding})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = truth{Document: d, views: [4][]float32{d.Embedding, views[0][0], views[1][0], views[2][0]}}
		codes, err := engine.Encode(ctx, all[i].views[:])
		if err != nil {
			t.Fatal(err)
		}
		all[i].codes = [4]gpu.Code(codes)
	}
	return all
}

func queryCode(t testing.TB, q []float32) gpu.Code {
	t.Helper()
	engine, err := gpu.Open(testModel().SAE, nil, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := engine.Encode(ctx, [][]float32{q})
	if err != nil {
		t.Fatal(err)
	}
	return codes[0]
}

// activation is S_j(d) over the first n views.
func (d *truth) activation(j uint32, n int) (sum float64) {
	for _, code := range d.codes[:n] {
		if i, ok := slices.BinarySearch(code.Features, j); ok {
			sum += float64(code.Activations[i])
		}
	}
	return sum
}

// bruteForce ranks by a score, leaving out documents for which ok is false.
func bruteForce(all []truth, score func(d *truth) (s float64, ok bool)) []ranked {
	var best []ranked
	for i := range all {
		if s, ok := score(&all[i]); ok {
			best = append(best, ranked{id: all[i].ID, score: s})
		}
	}
	slices.SortFunc(best, func(a, b ranked) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	return best
}

// checkHits compares ids, order and scores.
func checkHits(t *testing.T, what string, hits []Hit, want []ranked) {
	t.Helper()
	for i, hit := range hits {
		if i >= len(want) || hit.ID != want[i].id || math.Abs(hit.Score-want[i].score) > 1e-6 {
			t.Errorf("%s: hit %d is %s with %v, want %+v", what, i, hit.ID, hit.Score, want[min(i, len(want)-1)])
			return
		}
	}
	if len(hits) != len(want) {
		t.Errorf("%s: %d hits, want %d", what, len(hits), len(want))
	}
}

func mustSearch(t testing.TB, ix *Index, r Request) *Answer {
	t.Helper()
	answer, err := ix.Search(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func pointer[T any](v T) *T { return &v }

func TestVectorSearchIsBruteForce(t *testing.T) {
	documents := testDocuments(1, 300)
	all := truths(t, documents)
	q := unitVector(rand.New(rand.NewPCG(9, 9)))
	m := testModel()
	for name, ix := range map[string]*Index{
		"one batch": newTestIndex(t, "", documents, 1000), "many": newTestIndex(t, "", documents, 37), "on disk": newTestIndex(t, filepath.Join(t.TempDir(), "ix"), documents, 100)} {
		for _, scope := range []Scope{AllViews, OriginalOnly} {
			n := model.NumViews
			if scope == OriginalOnly {
				n = 1
			}
			score := func(d *truth) (s float64, ok bool) {
				for _, v := range d.views[:n] {
					s += gpu.Dot(q, v)
				}
				return s, true
			}
			r := Request{Vector: q, Scope: scope, Size: pointer(300), Explain: ExplainNone}
			answer := mustSearch(t, ix, r)
			checkHits(t, name, answer.Hits, bruteForce(all, score))
			if answer.Matched != 300 || !answer.Exact {
				t.Errorf("%s: matched %d, exact %v", name, answer.Matched, answer.Exact)
			}
			// neutral toggles change nothing, bit for bit
			r.Toggles = []Toggle{{Feature: 5, Action: Neutral}, {Feature: 9, Action: Neutral}}
			if neutral := mustSearch(t, ix, r); !reflect.DeepEqual(neutral.Hits, answer.Hits) {
				t.Errorf("%s: neutral toggles change the hits", name)
			}
			half := 0.25
			r.Toggles = []Toggle{{Feature: 5, Action: Boost}, {Feature: 9, Action: Dampen}, {Feature: 20, Action: Dampen, Alpha: &half}, {Feature: 7, Action: Exclude}}
			steered := mustSearch(t, ix, r)
			checkHits(t, name+" steered", steered.Hits, bruteForce(all, func(d *truth) (float64, bool) {
				s, _ := score(d)
				for j, alpha := range map[uint32]float64{5: 2, 9: 0, 20: half} {
					s += (alpha - 1) * d.activation(j, n) * gpu.Dot(q, m.SAE.Decoder[int(j)*testDim:][:testDim])
				}
				return s, d.activation(7, n) == 0
			}))
			for _, hit := range steered.Hits {
				if math.Abs(*hit.Parts.Vector+*hit.Parts.Steering-hit.Score) > 1e-9 {
					t.Fatalf("%s: parts %v and %v of %v", name, *hit.Parts.Vector, *hit.Parts.Steering, hit.Score)
				}
			}
		}
	}
}

func TestCodesAndOverlapAreBruteForce(t *testing.T) {
	documents := testDocuments(2, 200)
	all := truths(t, documents)
	ix := newTestIndex(t, "", documents, 64)
	q := unitVector(rand.New(rand.NewPCG(8, 9)))
	code := queryCode(t, q)
	checkHits(t, "codes", mustSearch(t, ix, Request{Vector: q, Mode: Codes, Size: pointer(200)}).Hits, bruteForce(all, func(d *truth) (s float64, ok bool) {
		for i, j := range code.Features {
			s += float64(code.Activations[i]) * d.activation(j, 4)
		}
		return s, s > 0
	}))
	overlap := func(d *truth) (s float64, ok bool) {
		for _, j := range code.Features {
			if d.activation(j, 4) > 0 {
				s++
			}
		}
		return s, s > 0
	}
	want := bruteForce(all, overlap)
	checkHits(t, "overlap", mustSearch(t, ix, Request{Vector: q, Mode: Overlap, Size: pointer(200)}).Hits, want)
	// pages are disjoint and complete, though most scores are tied
	var paged []Hit
	for offset := 0; offset < 200; offset += 7 {
		paged = append(paged, mustSearch(t, ix, Request{Vector: q, Mode: Overlap, Size: pointer(7), Offset: offset}).Hits...)
	}
	checkHits(t, "pages", paged, want)
	for i, hit := range paged {
		if hit.Rank != i+1 || *hit.Parts.Overlap != int(hit.Score) {
			t.Fatalf("hit %d: %+v", i, hit)
		}
	}
}

func TestExplanationsAddUp(t *testing.T) {
	documents := testDocuments(3, 60)
	ix := newTestIndex(t, "", documents, 60)
	q := unitVector(rand.New(rand.NewPCG(7, 9)))
	for _, tau := range []float32{0, 0.6} {
		checkExplanations(t, ix, q, tau)
	}
}

// checkExplanations compares both levels of explanation at a threshold.
func checkExplanations(t *testing.T, ix *Index, q []float32, tau float32) {
	t.Helper()
	code := queryCode(t, q)
	full := mustSearch(t, ix, Request{Vector: q, Explain: ExplainFull, Threshold: tau})
	ids := mustSearch(t, ix, Request{Vector: q, Explain: ExplainIDs, Threshold: tau})
	for i, hit := range full.Hits {
		score := 0.
		for _, view := range hit.Views {
			sum := view.Bias + view.Residual
			var shared []SharedFeature
			for _, leaf := range view.Features {
				sum += leaf.Contribution
				inQuery := float32(0)
				if i, ok := slices.BinarySearch(code.Features, leaf.Feature); ok {
					inQuery = code.Activations[i]
				}
				if leaf.QueryActivation != inQuery || leaf.Shared != (leaf.Activation > tau && inQuery > tau) {
					t.Errorf("%s at %v: leaf %+v, the query's activation is %v", hit.ID, tau, leaf, inQuery)
				}
				if leaf.Shared {
					shared = append(shared, SharedFeature{leaf.Feature, leaf.Label, leaf.Activation, leaf.QueryActivation, leaf.Contribution})
				}
			}
			if math.Abs(sum-view.Score) > 1e-6 {
				t.Errorf("%s: leaves of %s sum to %v, not %v", hit.ID, view.Name, sum, view.Score)
			}
			slices.SortFunc(shared, func(a, b SharedFeature) int { return cmp.Compare(a.Feature, b.Feature) })
			if got := ids.Hits[i].Shared[view.Name]; len(got)+len(shared) > 0 && !reflect.DeepEqual(got, shared) {
				t.Errorf("%s: shared features of %s are %v at level ids, %v at level full", hit.ID, view.Name, got, shared)
			}
			score += view.Score
		}
		if math.Abs(score-hit.Score) > 1e-6 || len(hit.Views) != 4 || hit.ShareExplained == nil {
			t.Errorf("%s: views sum to %v, the score is %v", hit.ID, score, hit.Score)
		}
	}
}

func TestFacets(t *testing.T) {
	documents := testDocuments(4, 150)
	all := truths(t, documents)
	ix := newTestIndex(t, "", documents, 50)
	q := unitVector(rand.New(rand.NewPCG(6, 9)))
	r := Request{Vector: q, Size: pointer(3), Facets: []FacetRequest{
		{Name: "features", Size: 5}, {Name: "qa", View: model.QA, Size: 1000}, {Name: "subject", Field: "subject"},
		{Name: "year", Field: "year"}, {Name: "open", Field: "open"}, {Name: "top", Field: "subject", Top: 20}}}
	answer := mustSearch(t, ix, r)
	facets := map[string]Facet{}
	for _, f := range answer.Facets {
		facets[f.Name] = f
		total := f.Other
		for _, v := range f.Values {
			total += v.Count
		}
		if !f.Exact || f.Field() && total != f.Documents {
			t.Errorf("%s: %d values for %d documents", f.Name, total, f.Documents)
		}
	}
	if f := facets["features"]; len(f.Values) != 5 || f.CountedOver != "matched" || f.Documents != 150 {
		t.Errorf("features: %+v", f)
	}
	// the count of a feature is the number of documents that the filter for it keeps
	for _, value := range facets["qa"].Values {
		want := 0
		for i := range all {
			if _, ok := slices.BinarySearch(all[i].codes[1].Features, *value.Feature); ok {
				want++
			}
		}
		filtered := mustSearch(t, ix, Request{Vector: q, Filter: Filter{All: []uint32{*value.Feature}, View: model.QA}, Explain: ExplainNone})
		if value.Count != want || filtered.Matched != want {
			t.Errorf("feature %d: counted %d, filtered %d, want %d", *value.Feature, value.Count, filtered.Matched, want)
		}
	}
	if f := facets["subject"]; f.TotalValues != 3 || len(f.Values) != 3 {
		t.Errorf("subject: %+v", f)
	}
	if f := facets["year"]; f.TotalValues != 4 || f.Values[0].Value[:3] != "199" {
		t.Errorf("year: %+v", f)
	}
	if f := facets["top"]; f.CountedOver != "top 20" || f.Documents != 20 {
		t.Errorf("top: %+v", f)
	}
	// toggled features are listed whatever their count
	r.Facets = []FacetRequest{{Name: "features", Size: 1}}
	r.Toggles = []Toggle{{Feature: 33, Action: Exclude}, {Feature: 44, Action: Boost}}
	selected := 0
	for _, v := range mustSearch(t, ix, r).Facets[0].Values {
		if v.Selected {
			selected++
		}
	}
	if selected != 2 {
		t.Errorf("%d of 2 toggled features are listed", selected)
	}
}

// Field tells a field facet from a feature facet.
func (f Facet) Field() bool { return len(f.Values) > 0 && f.Values[0].Feature == nil }

func TestTextAndHybrid(t *testing.T) {
	documents := testDocuments(5, 120)
	ix := newTestIndex(t, "", documents, 40)
	q := unitVector(rand.New(rand.NewPCG(5, 9)))
	text := mustSearch(t, ix, Request{Text: "freezing lake crystals", Mode: BM25, Size: pointer(120)})
	if text.Matched != len(text.Hits) || text.Matched == 0 || !strings.Contains(text.Hits[0].Text+text.Hits[0].Title, "lake") && !strings.Contains(text.Hits[0].Text, "crystal") {
		t.Errorf("matched %d, first %+v", text.Matched, text.Hits[0])
	}
	vector := mustSearch(t, ix, Request{Vector: q, Size: pointer(120)})
	hybrid := mustSearch(t, ix, Request{Text: "freezing lake crystals", Vector: q, Size: pointer(120)})
	rank := func(hits []Hit, id string) int {
		return 1 + slices.IndexFunc(hits, func(h Hit) bool { return h.ID == id })
	}
	for i, hit := range hybrid.Hits {
		bm25, dense := rank(text.Hits, hit.ID), rank(vector.Hits, hit.ID)
		want := 1 / float64(60+dense)
		if bm25 > 0 {
			want += 1 / float64(60+bm25)
		}
		if hit.Parts.BM25Rank != bm25 || hit.Parts.VectorRank != dense || math.Abs(hit.Score-want) > 1e-12 || i > 0 && hit.Score > hybrid.Hits[i-1].Score {
			t.Errorf("%s: %+v with score %v, want ranks %d and %d", hit.ID, hit.Parts, hit.Score, bm25, dense)
		}
	}
	filtered := mustSearch(t, ix, Request{Text: "lake", Vector: q, Filter: Filter{Query: "subject:physics +open:true"}, Size: pointer(120)})
	for _, hit := range filtered.Hits {
		if hit.Fields["open"] != true {
			t.Errorf("%s: %v", hit.ID, hit.Fields)
		}
	}
	date := mustSearch(t, ix, Request{Vector: q, Filter: Filter{Query: `subject:"2024-01-02"`}})
	if date.Matched == 0 || date.Hits[0].Fields["subject"] != "2024-01-02" {
		t.Errorf("a string that looks like a date: %d matched", date.Matched)
	}
}

func TestUpdatesAndReopen(t *testing.T) {
	documents := testDocuments(6, 90)
	path := filepath.Join(t.TempDir(), "ix")
	ix := newTestIndex(t, path, documents, 30)
	q := unitVector(rand.New(rand.NewPCG(4, 9)))
	r := Request{Vector: q, Size: pointer(90), Explain: ExplainFull, Facets: []FacetRequest{{Name: "f", Size: 500}}}
	answer := func() string {
		a := mustSearch(t, ix, r)
		a.Took = 0
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := answer()
	// delete and add again: as it was
	if err := ix.Delete(ctx, "d0003", "d0050", "nobody"); err != nil {
		t.Fatal(err)
	}
	if n, _ := ix.Count(); n != 88 || answer() == before {
		t.Errorf("%d documents after a delete", n)
	}
	if err := ix.Put(ctx, documents[3], documents[50]); err != nil {
		t.Fatal(err)
	}
	if answer() != before {
		t.Error("deleting and adding again changes the answer")
	}
	if err := ix.Put(ctx, documents...); err != nil {
		t.Fatal(err)
	}
	if answer() != before {
		t.Error("replacing all documents by themselves changes the answer")
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if ix, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	if answer() != before {
		t.Error("reopening changes the answer")
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second program that writes: %v", err)
	}
	ix.Close()
	for range 2 { // readers share
		if ix, err = Open(path, Options{ReadOnly: true}); err != nil {
			t.Fatal(err)
		}
		defer ix.Close()
		if answer() != before {
			t.Error("opening for reading changes the answer")
		}
	}
	if err := ix.Put(ctx, documents[0]); !errors.Is(err, ErrReadOnly) {
		t.Errorf("put into an index that is read only: %v", err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a program that writes beside readers: %v", err)
	}
	// another model is refused, and the error says what differs
	other := testModel()
	other.Internalizers[1].B1[0]++
	if _, err = Open(path, Options{Model: other, ReadOnly: true}); !errors.Is(err, ErrFingerprint) || !strings.Contains(err.Error(), "its summary internalizer has fingerprint") {
		t.Errorf("another internalizer: %v", err)
	}
	other = testModel()
	other.SAE.K = 11
	if _, err = Open(path, Options{Model: other, ReadOnly: true}); !errors.Is(err, ErrFingerprint) || !strings.Contains(err.Error(), "its sae has fingerprint") {
		t.Errorf("another k: %v", err)
	}
	if _, err = Create(path, Options{Model: testModel()}); err == nil || !strings.Contains(err.Error(), "the folder is not empty") {
		t.Errorf("a second index in the folder: %v", err)
	}
}

// TestInterruptedCreate makes an index where the making of one was interrupted.
func TestInterruptedCreate(t *testing.T) {
	path := t.TempDir()
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNoIndex) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := testModel().Write(filepath.Join(path, modelFolder)); err != nil {
		t.Fatal(err)
	}
	ix := newTestIndex(t, path, testDocuments(41, 3), 3)
	if n, _ := ix.Count(); n != 3 {
		t.Errorf("%d documents", n)
	}
}

func TestBatchErrors(t *testing.T) {
	ix := newTestIndex(t, "", nil, 1)
	d := testDocuments(7, 2)
	bad := func(change func(*Document)) []Document {
		c := []Document{d[0], d[1]}
		change(&c[1])
		return c
	}
	for want, err := range map[string]error{
		"a document without an id":                            ix.Put(ctx, bad(func(d *Document) { d.ID = "" })...),
		`document "d0001": the field name "qa" is taken`:      ix.Put(ctx, bad(func(d *Document) { d.Fields = map[string]any{"qa": 1} })...),
		`document "d0001": number 3 of the vector is NaN`:     ix.Put(ctx, bad(func(d *Document) { d.Embedding = slices.Clone(d.Embedding); d.Embedding[3] = float32(math.NaN()) })...),
		`document "d0001": the vector has 5 numbers`:          ix.Put(ctx, bad(func(d *Document) { d.Embedding = d.Embedding[:5] })...),
		"the index has no encoder":                            ix.Put(ctx, bad(func(d *Document) { d.Embedding = nil })...),
		`document "d0000" is to be added and removed at once`: ix.Batch(ctx, d, []string{"d0000"}),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if n, _ := ix.Count(); n != 0 {
		t.Errorf("%d documents of refused batches are in the index", n)
	}
	if _, err := ix.Search(ctx, Request{Text: "x"}); err == nil || !strings.Contains(err.Error(), "no encoder") {
		t.Error(err)
	}
	if a := mustSearch(t, ix, Request{Text: "x", Mode: BM25}); len(a.Hits) != 0 {
		t.Errorf("hits in an empty index: %v", a.Hits)
	}
	if a := mustSearch(t, ix, Request{Vector: d[0].Embedding, Facets: []FacetRequest{{Name: "f"}}}); len(a.Hits) != 0 || a.Facets[0].Documents != 0 {
		t.Errorf("hits in an empty index: %v", a)
	}
}
