package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
)

// Options are the settings of an Explainer.
type Options struct {
	// Threshold is τ: a feature supports a vector if its activation is
	// greater. It must not be negative.
	Threshold float32
	// Labels name the features; nil where there are none.
	Labels model.Labels
	// Fingerprint is the model's, for full explanations.
	Fingerprint string
}

// An Explainer explains pairs with one feature model.
type Explainer struct {
	engine  *gpu.Engine
	options Options
}

// New returns an Explainer that computes on engine, which must have been
// opened with three internalizers.
func New(engine *gpu.Engine, options Options) (*Explainer, error) {
	if !(options.Threshold >= 0) {
		return nil, fmt.Errorf("an activation threshold of %v makes no sense: activations are positive, so use 0 or more", options.Threshold)
	}
	return &Explainer{engine, options}, nil
}

// vectors are a pair's vectors: the query's embedding and the document's views.
type vectors struct {
	query []float32
	views [model.NumViews][]float32
}

// codes are their sparse codes.
type codes struct {
	query gpu.Code
	views [model.NumViews]gpu.Code
}

// encode computes the views and all codes of a batch of embeddings.
func (x *Explainer) encode(ctx context.Context, queries, documents [][]float32) ([]vectors, []codes, error) {
	n := len(queries)
	views, err := x.engine.Views(ctx, documents)
	if err != nil {
		return nil, nil, err
	}
	all := append(slices.Clone(queries), documents...)
	for _, view := range views {
		all = append(all, view...)
	}
	encoded, err := x.engine.Encode(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	v, c := make([]vectors, n), make([]codes, n)
	for i := range n {
		v[i].query, c[i].query = all[i], encoded[i]
		for t := range model.NumViews {
			at := (t+1)*n + i
			v[i].views[t], c[i].views[t] = all[at], encoded[at]
		}
	}
	return v, c, nil
}

// Overlap returns the features that support both codes at threshold tau,
// ascending.
func Overlap(a, b gpu.Code, tau float32) []uint32 {
	shared := []uint32{}
	i, j := 0, 0
	for i < len(a.Features) && j < len(b.Features) {
		switch c := cmp.Compare(a.Features[i], b.Features[j]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			if a.Activations[i] > tau && b.Activations[j] > tau {
				shared = append(shared, a.Features[i])
			}
			i++
			j++
		}
	}
	return shared
}

// union returns the features of any of the lists, ascending.
func union(perView [model.NumViews][]uint32) []uint32 {
	all := slices.Concat(perView[:]...)
	slices.Sort(all)
	return slices.Compact(all)
}
