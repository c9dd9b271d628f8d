package study

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/model"
)

// topics are what the documents of labelled are about; feature j is the j-th.
var topics = [][]string{
	{"violin", "orchestra", "melody"}, {"glacier", "iceberg", "snowfall"}, {"tariff", "customs", "exporter"}, {"enzyme", "protein", "membrane"},
}

// A topicEncoder embeds a text as the topics of its words.
type topicEncoder struct{}

func (topicEncoder) Dim() int     { return len(topics) }
func (topicEncoder) Close() error { return nil }

func (topicEncoder) Encode(_ context.Context, texts []string) ([][]float32, error) {
	rows := make([][]float32, len(texts))
	for i, text := range texts {
		rows[i] = make([]float32, len(topics))
		for j, words := range topics {
			rows[i][j] = .01
			for _, word := range words {
				rows[i][j] += float32(strings.Count(text, word))
			}
		}
		norm := float32(math.Sqrt(gpu.Dot(rows[i], rows[i])))
		for j := range rows[i] {
			rows[i][j] /= norm
		}
	}
	return rows, nil
}

// labelled returns an index of documents, each about one topic, under a model of
// which each feature is one topic of the embedding, and the views have none.
func labelled(t *testing.T, path string, documents int) *index.Index {
	t.Helper()
	n := len(topics)
	sae := &model.SAE{Dim: n, Features: n, K: 1, EncoderWeight: make([]float32, n*n), EncoderBias: make([]float32, n),
		Decoder: make([]float32, n*n), DecoderBias: make([]float32, n)}
	for j := range n {
		sae.EncoderWeight[j*n+j], sae.Decoder[j*n+j], sae.EncoderBias[j] = 1, 1, -.6
	}
	m := &model.Model{SAE: sae}
	for i := range m.Internalizers {
		m.Internalizers[i] = &model.Internalizer{Dim: n, Hidden: 1, W1: make([]float32, n), B1: make([]float32, 1),
			W2: make([]float32, n), B2: []float32{1, 1, 1, 1}}
	}
	ix, err := index.Create(path, index.Options{Model: m, Encoder: topicEncoder{}, EncoderName: "topics"})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	common := []string{"report", "several", "during", "measure", "quite", "another", "people", "because"}
	for i := range documents {
		words := topics[i%n]
		d := index.Document{ID: fmt.Sprintf("d%03d", i), Text: words[r.IntN(3)] + " " + words[r.IntN(3)]}
		for range 6 {
			d.Text += " " + common[r.IntN(len(common))]
		}
		if err := ix.Put(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

func TestLabel(t *testing.T) {
	ix := labelled(t, "", 160)
	defer ix.Close()
	settings := LabelSettings{MinDocuments: 20, MaxDocuments: 1000, Seed: 3}
	labels, report, err := Label(context.Background(), ix, settings, nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(labels) != len(topics) || report.Labelled != len(topics) || report.Active != len(topics) || report.Documents != 160 {
		t.Fatalf("%v, %+v", labels, report)
	}
	for _, l := range labels {
		for _, word := range strings.Split(l.Label, ", ") {
			if !strings.Contains(strings.Join(topics[l.Feature], " "), word) {
				t.Errorf("feature %d: label %q has %q", l.Feature, l.Label, word)
			}
		}
		if *l.Score < .99 || l.Author != TermsAuthor || l.Examples != 20 {
			t.Errorf("%+v, score %v", l, *l.Score)
		}
	}
	if report.Shuffled.Mean > .6 || report.Score.Mean < .99 {
		t.Errorf("%+v", report)
	}
	again, _, err := Label(context.Background(), ix, settings, nil, func(int) {})
	if err != nil || !cmp.Equal(again, labels) {
		t.Errorf("not the same again: %v, %v", again, err)
	}
	var text strings.Builder
	if err := report.Print(&text); err != nil || !strings.Contains(text.String(), "4 are active and 4 labelled") {
		t.Errorf("%v\n%s", err, &text)
	}
}

func TestLabelOfTooFew(t *testing.T) {
	ix := labelled(t, "", 40)
	defer ix.Close()
	labels, report, err := Label(context.Background(), ix, LabelSettings{MinDocuments: 20, MaxDocuments: 1000}, nil, func(int) {})
	if err != nil || len(labels) > 0 || report.Active != 4 {
		t.Errorf("%v, %+v, %v", labels, report, err)
	}
	if err := report.Print(&strings.Builder{}); err == nil {
		t.Error("figures of no labels")
	}
	few, report, err := Label(context.Background(), ix, LabelSettings{MinDocuments: 4, MaxDocuments: 24}, nil, func(int) {})
	if err != nil || report.Documents != 24 || len(few) == 0 {
		t.Errorf("%v, %+v, %v", few, report, err)
	}
	if _, _, err := Label(context.Background(), ix, LabelSettings{MinDocuments: 3, MaxDocuments: 24}, nil, func(int) {}); err == nil {
		t.Error("three documents are not enough")
	}
}

func TestLabelsStayWithTheIndex(t *testing.T) {
	path := t.TempDir() + "/index"
	ix := labelled(t, path, 8)
	if err := ix.SetLabels(model.Labels{"music", "", "trade"}); err != nil {
		t.Fatal(err)
	}
	if err := ix.SetLabels(make(model.Labels, 5)); err == nil {
		t.Error("more labels than features")
	}
	for range 2 {
		f, err := ix.Feature(context.Background(), 2, 1)
		if err != nil || f.Label != "trade" {
			t.Errorf("%+v, %v", f, err)
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		if ix, err = index.Open(path, index.Options{ReadOnly: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ix.SetLabels(nil); err == nil {
		t.Error("changed an index that was opened for reading")
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDetectionCountsEqualsHalf(t *testing.T) {
	tx := &texts{rows: []document{{embedding: []float32{1, 0}}, {embedding: []float32{0, 1}}, {embedding: []float32{1, 1}}}}
	label := []float32{1, 0}
	near(t, "all right", tx.detection(label, draft{with: []int{0}, without: []int{1}}), 1)
	near(t, "all wrong", tx.detection(label, draft{with: []int{1}, without: []int{0}}), 0)
	near(t, "equal", tx.detection(label, draft{with: []int{2, 2}, without: []int{2, 2}}), .5)
	near(t, "half equal", tx.detection(label, draft{with: []int{0, 2}, without: []int{2, 1}}), .75)
	near(t, "nothing to judge", tx.detection(label, draft{}), .5)
}
