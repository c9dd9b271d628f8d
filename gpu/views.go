package gpu

import (
	"context"
	"fmt"
	"math"

	"github.com/steersight/steersight/model"
)

// viewBlock is how many rows a thread takes at a time.
const viewBlock = 8

// Views returns for each internalizer, in the order given to Open, its view of
// every embedding in z: R_t(z) = Norm(W2·tanh(W1·z + B1) + B2). The embedding
// itself, which is the first view, is not repeated.
func (e *Engine) Views(ctx context.Context, z [][]float32) ([][][]float32, error) {
	if err := e.checkRows(z); err != nil {
		return nil, err
	}
	views := make([][][]float32, len(e.internalizers))
	for t := range views {
		views[t] = newRows(len(z), e.sae.Dim)
	}
	return views, e.viewsAnywhere(ctx, z, views)
}

// viewsOnCPU writes the views of z.
func (e *Engine) viewsOnCPU(ctx context.Context, z [][]float32, views [][][]float32) error {
	return e.eachBlock(ctx, len(z), viewBlock, func(from, to int) error {
		for t, r := range e.internalizers {
			hidden := make([]float32, r.Hidden)
			for i := from; i < to; i++ {
				if err := internalize(r, z[i], hidden, views[t][i]); err != nil {
					return &RowError{i, fmt.Errorf("internalizer %d: %w", t+1, err)}
				}
			}
		}
		return nil
	})
}

// internalize writes R_t(z) to view; hidden is scratch.
func internalize(r *model.Internalizer, z, hidden, view []float32) error {
	for h := range hidden {
		hidden[h] = float32(tanh(Dot(z, r.W1[h*r.Dim:][:r.Dim]) + float64(r.B1[h])))
	}
	for i := range view {
		view[i] = float32(Dot(hidden, r.W2[i*r.Hidden:][:r.Hidden]) + float64(r.B2[i]))
	}
	norm := max(math.Sqrt(Dot(view, view)), 1e-12)
	for i, y := range view {
		view[i] = float32(float64(y) / norm)
		if view[i]-view[i] != 0 {
			return fmt.Errorf("number %d of the view is %v: its weights are too large for float32", i, view[i])
		}
	}
	return nil
}
