package study

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/internal/fixtures"
	"github.com/steersight/steersight/internal/npy"
	"github.com/steersight/steersight/model"
)

// openPairs indexes the first 30 documents of the fixtures, and returns their
// queries: document dN answers query qN.
func openPairs(t *testing.T) (*index.Index, []Query, corpus.Judgments) {
	t.Helper()
	sae, err := model.ReadSAE(fixtures.Path("minilm384", "sae_d2048_k16.pt"), model.SAEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	internalizers, err := model.ReadInternalizers(fixtures.Path("minilm384", "internalizers"))
	if err != nil {
		t.Fatal(err)
	}
	ix, err := index.Create("", index.Options{Model: &model.Model{SAE: sae, Internalizers: internalizers}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	var queries []Query
	judgments := corpus.Judgments{}
	for i := range 30 {
		d := index.Document{ID: fmt.Sprintf("d%d", i), Text: fmt.Sprintf("word%d", i), Embedding: row(t, "doc_embeddings.npy", i)}
		if err := ix.Put(context.Background(), d); err != nil {
			t.Fatal(err)
		}
		q := fmt.Sprintf("q%d", i)
		queries = append(queries, Query{corpus.Query{ID: q, Text: d.Text}, row(t, "query_embeddings.npy", i)})
		judgments[q] = map[string]int{d.ID: 1}
	}
	return ix, queries, judgments
}

func row(t *testing.T, name string, i int) []float32 {
	t.Helper()
	rows, err := npy.Open(fixtures.Path("minilm384", "golden", name))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	vector := make([]float32, rows.Cols())
	if err := rows.Row(i, vector); err != nil {
		t.Fatal(err)
	}
	return vector
}

func TestRetrieval(t *testing.T) {
	ix, queries, judgments := openPairs(t)
	judgments["q7"] = map[string]int{"d7": 0}
	delete(judgments, "q8")
	judgments["q9"] = map[string]int{"nowhere": 1}
	asked := 0
	r, err := Retrieval(context.Background(), ix, queries, judgments, []string{"bm25", "dense", "codes"}, func(n int) { asked = n })
	if err != nil {
		t.Fatal(err)
	}
	if r.Documents != 30 || r.Queries != 28 || r.Unjudged != 2 || asked != 28 || len(r.Ways) != 3 {
		t.Fatalf("%+v", r)
	}
	near(t, "bm25 finds each word's document, but one that is not there", r.Ways[0].NDCG.Mean, 27./28)
	near(t, "dense ranks all documents", r.Ways[1].Recall.Mean, 27./28)
	if dense := r.Ways[1].NDCG; dense.Mean < .9 || dense.Low > dense.Mean || dense.High < dense.Mean {
		t.Errorf("dense: %+v", dense)
	}
	var text strings.Builder
	if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "28 queries; 2 more without a relevant document are left out") {
		t.Errorf("%v\n%s", err, &text)
	}
}

func TestRetrievalErrors(t *testing.T) {
	ix, queries, judgments := openPairs(t)
	ctx, nothing := context.Background(), func(int) {}
	if _, err := Retrieval(ctx, ix, queries, judgments, []string{"magic"}, nothing); err == nil {
		t.Error("an unknown way")
	}
	if _, err := Retrieval(ctx, ix, queries, corpus.Judgments{"other": {"d1": 1}}, Ways, nothing); err == nil {
		t.Error("judgments of other queries")
	}
	queries[0].Vector = nil
	if _, err := Retrieval(ctx, ix, queries, judgments, []string{"bm25"}, nothing); err != nil {
		t.Error(err)
	}
	if _, err := Retrieval(ctx, ix, queries, judgments, []string{"dense"}, nothing); err == nil {
		t.Error("no encoder for the queries")
	}
}
