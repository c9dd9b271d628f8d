package index_test

import (
	"context"
	"fmt"
	"log"

	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/internal/fixtures"
	"github.com/steersight/steersight/internal/npy"
	"github.com/steersight/steersight/model"
)

// open makes an index in memory of a few documents with stored embeddings.
func open() *index.Index {
	sae, err := model.ReadSAE(fixtures.Path("minilm384", "sae_d2048_k16.pt"), model.SAEOptions{})
	if err != nil {
		log.Fatal(err)
	}
	internalizers, err := model.ReadInternalizers(fixtures.Path("minilm384", "internalizers"))
	if err != nil {
		log.Fatal(err)
	}
	ix, err := index.Create("", index.Options{Model: &model.Model{SAE: sae, Internalizers: internalizers}})
	if err != nil {
		log.Fatal(err)
	}
	rows, err := npy.Open(fixtures.Path("minilm384", "golden", "doc_embeddings.npy"))
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for i := range 30 {
		d := index.Document{ID: fmt.Sprintf("d%02d", i), Fields: map[string]any{"half": []string{"first", "second"}[i/15]}}
		d.Embedding = make([]float32, rows.Cols())
		if err := rows.Row(i, d.Embedding); err != nil {
			log.Fatal(err)
		}
		if err := ix.Put(context.Background(), d); err != nil {
			log.Fatal(err)
		}
	}
	return ix
}

// query returns the embedding of "why does ice float on water".
func query() []float32 {
	rows, err := npy.Open(fixtures.Path("minilm384", "golden", "query_embeddings.npy"))
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	vector := make([]float32, rows.Cols())
	if err := rows.Row(0, vector); err != nil {
		log.Fatal(err)
	}
	return vector
}

// Faceted search: which features do the matching documents have, and which
// values a field?
func Example_facets() {
	ix := open()
	defer ix.Close()
	answer, err := ix.Search(context.Background(), index.Request{
		Vector: query(),
		Filter: index.Filter{All: []uint32{1461}},
		Facets: []index.FacetRequest{{Name: "features", Size: 3}, {Name: "half", Field: "half"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Matched, "documents have feature 1461")
	for _, facet := range answer.Facets {
		for _, value := range facet.Values {
			if value.Feature != nil {
				fmt.Println(facet.Name, *value.Feature, value.Count)
			} else {
				fmt.Println(facet.Name, value.Value, value.Count)
			}
		}
	}
	// Output:
	// 12 documents have feature 1461
	// features 1461 12
	// features 1727 7
	// features 315 6
	// half first 6
	// half second 6
}

// Explanation on a hit: which features does it share with the query, and what
// do they add to its score?
func Example_explanation() {
	ix := open()
	defer ix.Close()
	answer, err := ix.Search(context.Background(), index.Request{Vector: query()})
	if err != nil {
		log.Fatal(err)
	}
	hit := answer.Hits[0]
	fmt.Printf("%s %.4f\n", hit.ID, hit.Score)
	for _, shared := range hit.Shared[model.Summary] {
		fmt.Printf("%d %+.4f\n", shared.Feature, shared.Contribution)
	}
	// Output:
	// d00 1.7690
	// 938 +0.0201
	// 1461 +0.0078
	// 1727 +0.0140
	// 2045 +0.0080
}

// Steering by toggles: the same search with a feature off.
func Example_steering() {
	ix := open()
	defer ix.Close()
	for _, toggles := range [][]index.Toggle{nil, {{Feature: 1727, Action: index.Dampen}, {Feature: 938, Action: index.Dampen}}} {
		answer, err := ix.Search(context.Background(), index.Request{Vector: query(), Toggles: toggles})
		if err != nil {
			log.Fatal(err)
		}
		hit := answer.Hits[0]
		fmt.Printf("%s %.4f", hit.ID, hit.Score)
		if hit.Parts.Steering != nil {
			fmt.Printf(" = %.4f %+.4f", *hit.Parts.Vector, *hit.Parts.Steering)
		}
		fmt.Println()
	}
	// Output:
	// d00 1.7690
	// d00 1.6723 = 1.7690 -0.0967
}
