package gpu

import (
	"context"
	"fmt"
	"math"
	"slices"
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
		s, _ := e.viewings.Get().(*viewing)
		if s == nil {
			s = &viewing{}
		}
		defer e.viewings.Put(s)
		start := time.Now()
		s.z = s.z[:0]
		for _, row := range z[from:to] {
			for _, x := range row {
				s.z = append(s.z, float64(x))
			}
		}
		for t, r := range e.internalizers {
			s.hidden = layer(s.hidden, s.z, r.W1, r.B1, r.Dim)
			kernel.TanhAll(s.hidden)
			for i, y := range s.hidden {
				s.hidden[i] = float64(float32(y))
			}
			s.outputs = layer(s.outputs, s.hidden, r.W2, r.B2, r.Hidden)
			for i, view := range views[t][from:to] {
				if err := normalize(view, s.outputs[i*r.Dim:]); err != nil {
					return &RowError{from + i, fmt.Errorf("internalizer %d: %w", t+1, err)}
				}
			}
		}
		e.since(start, toView)
		return nil
	})
}

// A viewing is scratch for a block of rows. Its numbers are float32 that were
// widened, but for those of the outputs.
type viewing struct {
	z, hidden, outputs []float64 // a row's numbers after another's
}

// layer returns W·x + b for each row x of rows [n, in], one after another, in
// the memory of sums.
func layer(sums, rows []float64, w, b []float32, in int) []float64 {
	n := len(rows) / in
	sums = slices.Grow(sums[:0], n*len(b))[:n*len(b)]
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
