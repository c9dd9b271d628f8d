//go:build cuda && cgo && linux && amd64

package cuda

import (
	"context"
	"slices"

	"gorgonia.org/cu"
)

// viewBuffers are a slot's memory for views.
type viewBuffers struct {
	rows, views, failed buffer // views [internalizers, rows, Dim], failed [internalizers, rows]
	hidden              cu.DevicePtr
}

func (d *Device) viewBuffers(l *layout, rows int) viewBuffers {
	hidden, views := 0, len(d.internalizers)
	for _, r := range d.internalizers {
		hidden = max(hidden, r.Hidden)
	}
	numbers := 4 * rows * d.sae.Dim
	return viewBuffers{rows: l.both(numbers), views: l.both(views * numbers), failed: l.both(4 * views * rows),
		hidden: l.onDevice(4 * rows * hidden)}
}

// Views writes each internalizer's view of every row z to views
// [internalizers][rows][Dim]. It returns the rows left, whose views mean
// nothing.
func (d *Device) Views(ctx context.Context, z [][]float32, views [][][]float32) ([]int, error) {
	var leftRows []int
	err := d.run(ctx, len(z), func(s *slot, from, to int) (func(), error) {
		b, err := d.queueViews(s, z[from:to])
		return func() {
			n, dim := to-from, d.sae.Dim
			numbers, failed := hostSlice[float32](s, b.views), hostSlice[uint32](s, b.failed)
			for t := range views {
				eachRow(n, func(i int) { copy(views[t][from+i], numbers[(t*n+i)*dim:]) })
				for i, bad := range failed[t*n:][:n] {
					if bad != 0 {
						leftRows = append(leftRows, from+i)
					}
				}
			}
		}, err
	})
	slices.Sort(leftRows)
	return slices.Compact(leftRows), err
}

// queueViews queues the views of a chunk.
func (d *Device) queueViews(s *slot, z [][]float32) (viewBuffers, error) {
	n, dim := len(z), d.sae.Dim
	var l layout
	b := d.viewBuffers(&l, n)
	fill(hostSlice[float32](s, b.rows), z)
	if err := s.send(b.rows); err != nil {
		return b, err
	}
	rows, hidden := s.device+b.rows.device, s.device+b.hidden
	for t, w := range d.weights.internalizers {
		view := s.device + b.views.device + cu.DevicePtr(4*t*n*dim)
		failed := s.device + b.failed.device + cu.DevicePtr(4*t*n)
		width := d.internalizers[t].Hidden
		if err := d.queueDense(s, rows, w.w1, w.b1, n, width, dim, 1, hidden); err != nil {
			return b, err
		}
		if err := d.queueDense(s, hidden, w.w2, w.b2, n, dim, width, 0, view); err != nil {
			return b, err
		}
		if err := d.kernels.normalize.launch(s.stream, blocks(n, blockThreads/warp), 1, blockThreads,
			view, n, dim, failed); err != nil {
			return b, err
		}
	}
	return b, s.receive(b.views, b.failed)
}

// queueDense queues a linear layer of rows [n, inputs] to out [n, outputs].
func (d *Device) queueDense(s *slot, rows, weight, bias cu.DevicePtr, n, outputs, inputs, squashed int, out cu.DevicePtr) error {
	return d.kernels.dense.launch(s.stream, blocks(outputs, tileWidth), blocks(n, tileRows), blockThreads,
		rows, weight, bias, n, outputs, inputs, squashed, out)
}
