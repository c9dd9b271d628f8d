package plugin_test

import (
	"context"
	"fmt"
	"log"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/plugin"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
)

// labels are the hypotheses of the examples' features.
var labels = []string{"sea", "mountains", "winter", "history", "food"}

// options are those of the examples' indexes: one view over five features.
var options = &featureindex.Options{Fingerprint: "example", Features: 5, Views: []string{"original"}, Dim: 2}

// guides makes an index in memory of four travel guides.
func guides() bleve.Index {
	index, err := plugin.Create("", bleve.NewIndexMapping(), *options, nil)
	if err != nil {
		log.Fatal(err)
	}
	batch := index.NewBatch()
	for _, guide := range []struct {
		id, text    string
		features    []uint32
		activations []float32
		embedding   []float32
	}{
		{"harbour", "a walk around the harbour", []uint32{0, 3}, []float32{2, 1}, []float32{1, 0}},
		{"chowder", "a bowl of chowder by the harbour", []uint32{0, 4}, []float32{1, 3}, []float32{.75, .5}},
		{"hut", "a hut for the night", []uint32{1, 2}, []float32{2, 1}, []float32{0, 1}},
		{"fondue", "fondue in the hut", []uint32{1, 2, 4}, []float32{1, 2, 2}, []float32{.25, .75}},
	} {
		doc := document.NewDocument(guide.id)
		if err := index.Mapping().MapDocument(doc, map[string]any{"text": guide.text}); err != nil {
			log.Fatal(err)
		}
		doc.AddField(plugin.NewField(options, featureindex.Document{
			Views:     []featureindex.Code{{Features: guide.features, Activations: guide.activations}},
			Embedding: guide.embedding,
		}))
		if err := batch.IndexAdvanced(doc); err != nil {
			log.Fatal(err)
		}
	}
	if err := index.Batch(batch); err != nil {
		log.Fatal(err)
	}
	return index
}

// A text search, the features of everything that it found, and a filter by one
// of them.
func Example_facets() {
	index := guides()
	defer index.Close()
	text := bleve.NewMatchQuery("hut")

	ctx, snapshot := plugin.Watch(context.Background())
	defer snapshot.Close()
	if _, err := index.SearchInContext(ctx, bleve.NewSearchRequest(text)); err != nil {
		log.Fatal(err)
	}
	facets, err := snapshot.Facets(ctx, "original")
	if err != nil {
		log.Fatal(err)
	}
	for _, facet := range facets.Counts {
		fmt.Println(labels[facet.Feature], facet.Documents)
	}

	filtered := bleve.NewConjunctionQuery(text, &plugin.All{View: "original", Features: []uint32{4}})
	result, err := index.Search(bleve.NewSearchRequest(filtered))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("about food:", result.Hits[0].ID)
	// Output:
	// mountains 2
	// winter 2
	// food 1
	// about food: fondue
}

// Why a document was found: the features that it shares with the query.
func Example_explanation() {
	index := guides()
	defer index.Close()
	query := &plugin.Dot{
		View:  "original",
		Terms: featureindex.Terms{Features: []uint32{0, 4}, Weights: []float32{1, .5}},
		K:     1,
	}

	ctx, snapshot := plugin.Watch(context.Background())
	defer snapshot.Close()
	result, err := index.SearchInContext(ctx, bleve.NewSearchRequest(query))
	if err != nil {
		log.Fatal(err)
	}
	hit := result.Hits[0]
	found, err := snapshot.Document(hit)
	if err != nil {
		log.Fatal(err)
	}
	shared, err := found.Shared(query.View, query.Terms)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hit.ID, hit.Score)
	for _, s := range shared {
		fmt.Printf("%.1f = %v × %v %s\n", s.Value(), s.Weight, s.Activation, labels[s.Feature])
	}
	// Output:
	// chowder 2.5
	// 1.0 = 1 × 1 sea
	// 1.5 = 0.5 × 3 food
}

// Toggles change the ranking of the whole index: scaling a feature by α adds
// (α − 1)·⟨q,w⟩ times its activation to a score.
func Example_steering() {
	index := guides()
	defer index.Close()
	search := func(toggles featureindex.Terms) {
		result, err := index.Search(bleve.NewSearchRequest(&plugin.Steer{
			Base:  &plugin.KNN{Vector: []float32{1, .25}},
			Terms: toggles,
			K:     2,
		}))
		if err != nil {
			log.Fatal(err)
		}
		for _, hit := range result.Hits {
			fmt.Println(hit.ID, hit.Score)
		}
	}
	const product = .25 // ⟨q,w⟩ of the two features that follow
	fmt.Println("neutral")
	search(featureindex.Terms{})
	fmt.Println("twice the winter, no sea")
	search(featureindex.Terms{Features: []uint32{2, 0}, Weights: []float32{(2 - 1) * product, (0 - 1) * product}})
	// Output:
	// neutral
	// harbour 1
	// chowder 0.875
	// twice the winter, no sea
	// fondue 0.9375
	// chowder 0.625
}

// Bleve's own queries see a view as a field and its features as terms.
func Example_queryString() {
	index := guides()
	defer index.Close()
	result, err := index.Search(bleve.NewSearchRequest(bleve.NewQueryStringQuery("+text:hut +original:4")))
	if err != nil {
		log.Fatal(err)
	}
	for _, hit := range result.Hits {
		fmt.Println(hit.ID)
	}
	// Output:
	// fondue
}
