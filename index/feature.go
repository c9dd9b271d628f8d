package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/plugin"
)

// histogramBins is the number of bins of a feature's histogram.
const histogramBins = 10

// A Feature is what the index knows of one feature.
type Feature struct {
	Feature uint32 `json:"feature"`
	Label   string `json:"label,omitempty"`
	// Documents is how many documents have the feature in any view, Views in
	// each, and Of how many documents there are.
	Documents int                `json:"documents"`
	Of        int                `json:"of"`
	Views     map[model.View]int `json:"views"`
	// Histogram counts the documents by their activation summed over the
	// views, in bins of equal width from 0 to Largest.
	Histogram []int   `json:"histogram"`
	Largest   float64 `json:"largest_activation"`
	// Top are the documents with the largest activation.
	Top []FeatureDocument `json:"top"`
	// Together are the features that the same documents have (Jaccard), Near
	// those that point the same way in the decoder (cosine).
	Together []Neighbour `json:"together"`
	Near     []Neighbour `json:"near"`
}

// A FeatureDocument is a document that has the feature.
type FeatureDocument struct {
	ID         string  `json:"id"`
	Activation float64 `json:"activation"` // summed over the views
	Title      string  `json:"title,omitempty"`
	Text       string  `json:"text"`
}

// A Neighbour is a feature near another one.
type Neighbour struct {
	Feature    uint32  `json:"feature"`
	Label      string  `json:"label,omitempty"`
	Similarity float64 `json:"similarity"`
}

// Feature describes a feature, with n documents and n neighbours of each kind.
func (ix *Index) Feature(ctx context.Context, feature uint32, n int) (f *Feature, err error) {
	done, err := ix.use()
	if err != nil {
		return nil, err
	}
	defer done()
	if int(feature) >= ix.features.Features {
		return nil, fmt.Errorf("feature %d: the model has features 0 to %d", feature, ix.features.Features-1)
	}
	v, err := ix.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	f = &Feature{Feature: feature, Label: ix.Model().Labels.Of(int(feature)), Views: map[model.View]int{}, Near: ix.near(feature, n)}
	for _, view := range model.Views() {
		if f.Views[view], err = v.count(ctx, &plugin.All{View: string(view), Features: []uint32{feature}}); err != nil {
			return nil, err
		}
	}
	if err := v.activations(ctx, f, n); err != nil {
		return nil, err
	}
	f.Together, err = v.together(ctx, f, n)
	return f, err
}

// count returns how many documents a query matches.
func (v *view) count(ctx context.Context, q query.Query) (n int, err error) {
	err = v.each(ctx, q, search.SearcherOptions{Score: "none"}, func(uint64, float64) { n++ })
	return n, err
}

// activations fills in the histogram and the top documents.
func (v *view) activations(ctx context.Context, f *Feature, n int) error {
	all := &plugin.Dot{Terms: featureindex.Terms{Features: []uint32{f.Feature}, Weights: []float32{1}}}
	var sums []float64
	err := v.each(ctx, all, search.SearcherOptions{}, func(_ uint64, sum float64) { sums = append(sums, sum) })
	if err != nil {
		return err
	}
	f.Documents = len(sums)
	f.Histogram = make([]int, histogramBins)
	for _, sum := range sums {
		f.Largest = max(f.Largest, sum)
	}
	for _, sum := range sums {
		f.Histogram[min(histogramBins-1, int(sum/f.Largest*histogramBins))]++
	}
	top, _, err := v.rank(ctx, all, n)
	if err != nil {
		return err
	}
	for _, r := range top {
		hit := Hit{ID: r.id}
		if err := v.stored(&hit); err != nil {
			return err
		}
		f.Top = append(f.Top, FeatureDocument{r.id, r.score, hit.Title, hit.Text})
	}
	return nil
}

// together returns the features that share most documents with f.
func (v *view) together(ctx context.Context, f *Feature, n int) ([]Neighbour, error) {
	all, err := v.allFacets(ctx)
	if err != nil {
		return nil, err
	}
	f.Of = int(all.Documents)
	with, err := v.snapshot.FacetsOf(ctx, "", &plugin.All{Features: []uint32{f.Feature}}, v.index.bleve.Mapping())
	if err != nil {
		return nil, err
	}
	total := make(map[uint32]uint64, len(all.Counts))
	for _, c := range all.Counts {
		total[c.Feature] = c.Documents
	}
	var near []Neighbour
	for _, c := range with.Counts {
		if c.Feature != f.Feature {
			union := total[c.Feature] + uint64(f.Documents) - c.Documents
			near = append(near, v.index.neighbour(c.Feature, float64(c.Documents)/float64(union)))
		}
	}
	return nearest(near, n), nil
}

// allFacets counts the features of all documents.
func (v *view) allFacets(ctx context.Context) (*plugin.Facets, error) {
	return v.snapshot.FacetsOf(ctx, "", bleve.NewMatchAllQuery(), v.index.bleve.Mapping())
}

// near returns the features whose decoder columns are nearest by cosine.
func (ix *Index) near(feature uint32, n int) []Neighbour {
	w := ix.decoder(feature)
	norm := math.Sqrt(gpu.Dot(w, w))
	var near []Neighbour
	for j := range uint32(ix.features.Features) {
		column := ix.decoder(j)
		length := norm * math.Sqrt(gpu.Dot(column, column))
		if j != feature && length > 0 {
			near = append(near, ix.neighbour(j, gpu.Dot(w, column)/length))
		}
	}
	return nearest(near, n)
}

func (ix *Index) neighbour(feature uint32, similarity float64) Neighbour {
	return Neighbour{feature, ix.Model().Labels.Of(int(feature)), similarity}
}

// nearest returns the n most similar.
func nearest(all []Neighbour, n int) []Neighbour {
	slices.SortFunc(all, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(b.Similarity, a.Similarity), cmp.Compare(a.Feature, b.Feature))
	})
	return all[:min(n, len(all))]
}
