package bench

import (
	"context"
	"errors"
	"strconv"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"
)

// Stock is what stock Bleve takes for an index of its own with the features as
// words of a field, and for a disjunction of boosted terms: the nearest it has
// to a dot product, though its scores are others.
type Stock struct {
	Queries int     `json:"queries"`
	Build   Build   `json:"build"`
	Search  Latency `json:"search"`
}

const stockField = "features"

// stockMapping indexes one field of words and stores nothing.
func stockMapping() *mapping.IndexMappingImpl {
	field := bleve.NewTextFieldMapping()
	field.Analyzer = keyword.Name
	field.Store, field.IncludeInAll, field.IncludeTermVectors, field.DocValues = false, false, false, false
	m := bleve.NewIndexMapping()
	m.DefaultMapping = bleve.NewDocumentStaticMapping()
	m.DefaultMapping.AddFieldMappingsAt(stockField, field)
	return m
}

// stock measures stock Bleve.
func stock(ctx context.Context, c *Codes, terms []featureindex.Terms, s *Settings) (result *Stock, err error) {
	words := stockMapping()
	m := &maker{
		create: func(path string) (bleve.Index, error) {
			return bleve.NewUsing(path, words, scorch.Name, scorch.Name, nil)
		},
		documents: c.Documents(), batch: s.Batch, dir: s.Dir, say: s.Say,
		read: func(from, to int) ([]featureindex.Document, error) { return documents(c, from, to) },
		add: func(d *document.Document, codes featureindex.Document) error {
			features := make([]string, len(codes.Views[0].Features))
			for i, f := range codes.Views[0].Features {
				features[i] = strconv.Itoa(int(f))
			}
			return words.MapDocument(d, map[string]any{stockField: features})
		},
	}
	b, err := m.make(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	queries := make([]query.Query, len(terms))
	for i, t := range terms {
		queries[i] = disjunction(t)
	}
	result = &Stock{Queries: len(terms), Build: b.Build}
	result.Search, _, err = b.measure(ctx, queries, s.K, s.Rounds)
	return result, err
}

// disjunction asks for any of the features, each boosted by its weight.
func disjunction(t featureindex.Terms) query.Query {
	terms := make([]query.Query, len(t.Features))
	for i, f := range t.Features {
		term := bleve.NewTermQuery(strconv.Itoa(int(f)))
		term.SetField(stockField)
		term.SetBoost(float64(t.Weights[i]))
		terms[i] = term
	}
	return bleve.NewDisjunctionQuery(terms...)
}
