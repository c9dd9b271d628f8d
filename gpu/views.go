package gpu

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/steersight/steersight/internal/kernel"
)

// viewBlock is how many rows a thread takes at a time: enough to use each
// weight several times while it is in cache, and a multiple of the rows that
// the widest kernel takes.
const viewBlock = 48

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
		start := time.Now()
		wide := widen(z[from:to])
		for t, r := range e.internalizers {
			hidden := layer(wide, r.W1, r.B1, r.Dim)
			kernel.TanhAll(hidden)
			for i, y := range hidden {
				hidden[i] = float64(float32(y))
			}
			outputs := layer(hidden, r.W2, r.B2, r.Hidden)
			for i, view := range views[t][from:to] {
				if err := normalize(view, outputs[i*r.Dim:]); err != nil {
					return &RowError{from + i, fmt.Errorf("internalizer %d: %w", t+1, err)}
				}
			}
		}
		e.since(start, toView)
		return nil
	})
}

// widen returns the numbers of rows, one after another, as float64.
func widen(rows [][]float32) []float64 {
	wide := make([]float64, 0, len(rows)*len(rows[0]))
	for _, row := range rows {
		for _, x := range row {
			wide = append(wide, float64(x))
		}
	}
	return wide
}

// layer returns W·x + b for each row x of rows [n, in], one after another.
func layer(rows []float64, w, b []float32, in int) []float64 {
	n := len(rows) / in
	sums := make([]float64, n*len(b))
	kernel.Dots(sums, rows, n, w, len(b), in)
	for i := 0; i < len(sums); i += len(b) {
		for j, bias := range b {
			sums[i+j] += float64(bias)
		}
	}
	return sums
}

// normalize sets view to the outputs of an internalizer, rounded to float32,
// over their norm.
func normalize(view []float32, outputs []float64) error {
	for i := range view {
		view[i] = float32(outputs[i])
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
