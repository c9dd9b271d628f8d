package plugin

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// The interfaces that scorch looks for in segments.
var (
	_ segment.UnpersistedSegment   = (*memorySegment)(nil)
	_ segment.PersistedSegment     = (*diskSegment)(nil)
	_ segment.DocValueVisitable    = (*memorySegment)(nil)
	_ segment.DocValueVisitable    = (*diskSegment)(nil)
	_ segment.NestedSegment        = (*memorySegment)(nil)
	_ segment.NestedSegment        = (*diskSegment)(nil)
	_ segment.ThesaurusSegment     = (*memorySegment)(nil)
	_ segment.ThesaurusSegment     = (*diskSegment)(nil)
	_ segment.UpdatableSegment     = (*memorySegment)(nil)
	_ segment.UpdatableSegment     = (*diskSegment)(nil)
	_ segment.GeoShapeV2Segment    = (*memorySegment)(nil)
	_ segment.GeoShapeV2Segment    = (*diskSegment)(nil)
	_ segment.SegmentWithCallbacks = (*memorySegment)(nil)
	_ segment.SegmentWithCallbacks = (*diskSegment)(nil)
	_ scorch.SegmentPlugin         = (*segments)(nil)

	_ segment.OptimizablePostingsIterator = (*postingsIterator)(nil)
)

// zapDocuments returns documents as a batch hands them to a segment plugin.
func zapDocuments(r *rand.Rand, n int) (docs []index.Document, entries []entry) {
	for i := range n {
		d := document.NewDocument(strconv.Itoa(i))
		e := randomEntry(r)
		if !e.bare {
			d.AddField(NewField(testOptions, e.codes))
		}
		d.AddIDField()
		d.VisitFields(func(f index.Field) { f.Analyze() })
		docs, entries = append(docs, d), append(entries, e)
	}
	return docs, entries
}

func newSegment(t *testing.T, r *rand.Rand, n int) (*memorySegment, []entry) {
	t.Helper()
	docs, entries := zapDocuments(r, n)
	s, _, err := (&segments{}).New(docs)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*memorySegment), entries
}

func openSegment(t *testing.T, path string) *diskSegment {
	t.Helper()
	s, err := (&segments{}).Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*diskSegment)
}

func TestPersistedSegmentIsZaps(t *testing.T) {
	s, _ := newSegment(t, rand.New(rand.NewPCG(1, 1)), 50)
	path := filepath.Join(t.TempDir(), "x.zap")
	if err := s.Persist(path); err != nil {
		t.Fatal(err)
	}
	stock, err := (&zap.ZapPlugin{}).Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer stock.Close()
	for n := range uint64(50) {
		if id, err := stock.DocID(n); err != nil || string(id) != strconv.Itoa(int(n)) {
			t.Fatalf("document %d is %q (%v)", n, id, err)
		}
	}
	p := part{codes: openSegment(t, path).codes}
	if damage := p.check(); len(damage) > 0 {
		t.Fatal(damage)
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	other := *testOptions
	other.Fingerprint = "another model"
	code := func(features ...uint32) featureindex.Document {
		d := featureindex.Document{Views: make([]featureindex.Code, 2)}
		for _, f := range features {
			d.Views[0].Features = append(d.Views[0].Features, f)
			d.Views[0].Activations = append(d.Views[0].Activations, 1)
		}
		return d
	}
	for _, c := range []struct {
		name   string
		fields []*Field
		want   error
	}{
		{"another model", []*Field{NewField(&other, code(1))}, ErrOptions},
		{"features out of order", []*Field{NewField(testOptions, code(2, 1))}, ErrField},
		{"feature beyond the model's", []*Field{NewField(testOptions, code(80))}, ErrField},
		{"one view of two", []*Field{NewField(testOptions, featureindex.Document{Views: make([]featureindex.Code, 1)})}, ErrField},
		{"two fields", []*Field{NewField(testOptions, code(1)), NewField(testOptions, code(2))}, ErrField},
		{"no options", []*Field{NewField(nil, code(1))}, ErrField},
		{"short vector", []*Field{NewField(testOptions, featureindex.Document{Views: make([]featureindex.Code, 2), Sum: []float32{1}})}, ErrField},
	} {
		t.Run(c.name, func(t *testing.T) {
			i, err := Create("", testMapping(), *testOptions, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer i.Close()
			doc := document.NewDocument("a")
			for _, f := range c.fields {
				doc.AddField(f)
			}
			b := i.NewBatch()
			if err := b.IndexAdvanced(doc); err != nil {
				t.Fatal(err)
			}
			if err := i.Batch(b); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			(truth{}).equal(t, i, 1)
		})
	}
}

func TestFieldsNamedLikeViewsAreRefused(t *testing.T) {
	i, err := Create("", testMapping(), *testOptions, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for _, name := range []string{UnionField, "qa"} {
		if err := i.Index("a", map[string]any{name: "x"}); !errors.Is(err, ErrField) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := i.Index("a", map[string]any{"features": map[string]any{"x": "y"}}); err != nil {
		t.Error(err) // is features.x
	}
}

func TestWriterHookIsRefused(t *testing.T) {
	index.WriterHook = func([]byte) (string, func([]byte) []byte, error) {
		return "hook", func(b []byte) []byte { return b }, nil
	}
	defer func() { index.WriterHook = nil }()
	docs, _ := zapDocuments(rand.New(rand.NewPCG(1, 1)), 3)
	if _, _, err := (&segments{}).New(docs); !errors.Is(err, ErrWriterHook) {
		t.Fatal(err)
	}
	if _, _, err := (&segments{}).Merge(nil, nil, "", nil, nil); !errors.Is(err, ErrWriterHook) {
		t.Fatal(err)
	}
}

func TestNestedDocumentsHaveTheirOwnCodes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	var docs []index.Document
	var want []entry
	add := func(id string) *document.Document {
		d, e := document.NewDocument(id), randomEntry(r)
		e.bare = false
		d.AddField(NewField(testOptions, e.codes))
		d.AddIDField()
		want = append(want, e)
		return d
	}
	for n := range 10 {
		parent := add(strconv.Itoa(n))
		for child := range n % 3 {
			parent.AddNestedDocument(add(strconv.Itoa(n) + "." + strconv.Itoa(child)))
		}
		docs = append(docs, parent)
	}
	s, _, err := (&segments{}).New(docs)
	if err != nil {
		t.Fatal(err)
	}
	for n, e := range want {
		if got := s.(*memorySegment).codes.section().Code(0, n); fmt.Sprint(got) != fmt.Sprint(e.code(0)) {
			t.Fatalf("document %d: %v, want %v", n, got, e.code(0))
		}
	}
}

func TestOpenOfOtherFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := (&segments{}).Open(filepath.Join(dir, "none")); err == nil {
		t.Fatal("opened a file that is not there")
	}
	docs, _ := zapDocuments(rand.New(rand.NewPCG(1, 1)), 5)
	stock, _, err := (&zap.ZapPlugin{}).New(docs)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "stock.zap")
	if err := stock.(segment.UnpersistedSegment).Persist(path); err != nil {
		t.Fatal(err)
	}
	s := openSegment(t, path)
	var damage *CorruptionError
	if !errors.As(s.codes.health(), &damage) || damage.Part != "trailer" || damage.File != path {
		t.Fatalf("a stock file's health is %v", s.codes.health())
	}
}

func TestOfflineBuilder(t *testing.T) {
	dir := t.TempDir()
	config, err := BuilderConfig(*testOptions, map[string]any{"batchSize": 40})
	if err != nil {
		t.Fatal(err)
	}
	m := &fieldMapping{IndexMappingImpl: testMapping()}
	b, err := bleve.NewBuilder(filepath.Join(dir, "index"), m, config)
	if err != nil {
		t.Fatal(err)
	}
	r, tr := rand.New(rand.NewPCG(1, 9)), truth{}
	for n := range 150 {
		e := randomEntry(r)
		tr[strconv.Itoa(n)] = e
		if err := b.Index(strconv.Itoa(n), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	i, err := bleve.Open(filepath.Join(dir, "index"))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	tr.equal(t, i, 1)
	if o, err := Options(i); err != nil || !sameOptions(o, testOptions) {
		t.Fatalf("options %v: %v", o, err)
	}
}
