package plugin

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
)

// benchOptions are of documents with 64 of 16,384 features.
var benchOptions = &featureindex.Options{Fingerprint: "bench", Features: 16384, Views: []string{"original"}}

const (
	benchDocuments = 20000
	benchBatch     = 2000
	benchActive    = 64
)

func benchCode(r *rand.Rand) (c featureindex.Code) {
	set := map[uint32]bool{}
	for len(set) < benchActive {
		set[uint32(r.IntN(128)*r.IntN(128))] = true
	}
	for f := range uint32(benchOptions.Features) {
		if set[f] {
			c.Features = append(c.Features, f)
			c.Activations = append(c.Activations, r.Float32()+.01)
		}
	}
	return c
}

// benchBatches returns the batches of the benchmarks' index.
func benchBatches(b *testing.B, i bleve.Index) (batches []*bleve.Batch) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range benchDocuments {
		if n%benchBatch == 0 {
			batches = append(batches, i.NewBatch())
		}
		doc := document.NewDocument(strconv.Itoa(n))
		doc.AddField(NewField(benchOptions, featureindex.Document{Views: []featureindex.Code{benchCode(r)}}))
		if err := batches[len(batches)-1].IndexAdvanced(doc); err != nil {
			b.Fatal(err)
		}
	}
	return batches
}

// newBenchIndex makes an index of one segment on disk.
func newBenchIndex(b *testing.B) bleve.Index {
	b.Helper()
	i, err := Create(b.TempDir()+"/index", bleve.NewIndexMapping(), *benchOptions, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closeOnce(b, i) })
	for _, batch := range benchBatches(b, i) {
		if err := i.Batch(batch); err != nil {
			b.Fatal(err)
		}
	}
	forceMerge(b, i)
	return i
}

func BenchmarkIndexing(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		i, err := Create(b.TempDir()+"/index", bleve.NewIndexMapping(), *benchOptions, nil)
		if err != nil {
			b.Fatal(err)
		}
		batches := benchBatches(b, i)
		b.StartTimer()
		for _, batch := range batches {
			if err := i.Batch(batch); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		closeOnce(b, i)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*benchDocuments/b.Elapsed().Seconds(), "documents/s")
}

func BenchmarkSearch(b *testing.B) {
	i := newBenchIndex(b)
	code := benchCode(rand.New(rand.NewPCG(3, 4)))
	terms := featureindex.Terms{Features: code.Features, Weights: code.Activations}
	for _, c := range []struct {
		name string
		q    query.Query
	}{
		{"dot", &Dot{Terms: terms, K: 10}},
		{"overlap", &Overlap{Features: code.Features, K: 10}},
		{"dot filtered", &Dot{Terms: terms, K: 10, Filter: &Any{Features: code.Features[:2]}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := i.Search(bleve.NewSearchRequest(c.q)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("section", func(b *testing.B) { benchSection(b, i, terms) })
	b.Run("stock disjunction", func(b *testing.B) { benchStock(b, i, code) })
	b.Run("shared", func(b *testing.B) { benchShared(b, i, terms) })
	b.Run("facets", func(b *testing.B) { benchFacets(b, i) })
}

// benchSection is the dot without Bleve around it.
func benchSection(b *testing.B, i bleve.Index, terms featureindex.Terms) {
	err := withReader(i, func(r *scorch.IndexSnapshot) error {
		section := segmentsOf(r)[0].codes.section()
		for b.Loop() {
			if _, err := section.Dot(context.Background(), featureindex.Union, terms, featureindex.Search{K: 10}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// benchStock is a disjunction of term queries over the virtual field.
func benchStock(b *testing.B, i bleve.Index, code featureindex.Code) {
	var terms []query.Query
	for _, f := range code.Features {
		terms = append(terms, field(query.NewTermQuery(strconv.Itoa(int(f))), "original"))
	}
	for b.Loop() {
		if _, err := i.Search(bleve.NewSearchRequest(query.NewDisjunctionQuery(terms))); err != nil {
			b.Fatal(err)
		}
	}
}

// benchShared is the dot with the shared features of its hits.
func benchShared(b *testing.B, i bleve.Index, terms featureindex.Terms) {
	for b.Loop() {
		snapshot, res := watchedOnce(b, i, bleve.NewSearchRequest(&Dot{Terms: terms, K: 10}))
		for _, h := range res.Hits {
			d, err := snapshot.Document(h)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := d.Shared("", terms); err != nil {
				b.Fatal(err)
			}
		}
		if err := snapshot.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchFacets counts the features of all documents with one feature.
func benchFacets(b *testing.B, i bleve.Index) {
	for b.Loop() {
		snapshot, _ := watchedOnce(b, i, bleve.NewSearchRequest(&Any{Features: []uint32{0}}))
		if _, err := snapshot.Facets(context.Background(), ""); err != nil {
			b.Fatal(err)
		}
		if err := snapshot.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// watchedOnce runs a search under a Snapshot that the caller closes.
func watchedOnce(b *testing.B, i bleve.Index, r *bleve.SearchRequest) (*Snapshot, *bleve.SearchResult) {
	ctx, snapshot := Watch(context.Background())
	res, err := i.SearchInContext(ctx, r)
	if err != nil {
		b.Fatal(err)
	}
	return snapshot, res
}
