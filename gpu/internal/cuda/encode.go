//go:build cuda && cgo && linux && amd64

package cuda

import (
	"context"

	"gorgonia.org/cu"
)

// maxKeep is how many features a TopK code may have: more would leave few rows
// whose candidates fit.
const maxKeep = 256

// encodeBuffers are a slot's memory for encoding.
type encodeBuffers struct {
	rows, counts, features, values buffer
	x, rounded, bounds, scores     cu.DevicePtr
}

func (d *Device) encodeBuffers(l *layout, rows, room int) encodeBuffers {
	numbers := 4 * rows * d.sae.Dim
	return encodeBuffers{
		rows: l.both(numbers), counts: l.both(4 * rows), features: l.both(4 * rows * room), values: l.both(4 * rows * room),
		x: l.onDevice(numbers), rounded: l.onDevice(numbers), bounds: l.onDevice(8 * rows), scores: l.onDevice(4 * rows * d.stride()),
	}
}

// stride is how many numbers the scores of two rows lie apart: each row begins
// where the kernel can read four at a time.
func (d *Device) stride() int { return (d.sae.Features + 3) &^ 3 }

// Encode passes the code of each row to take, in ascending order of rows: with
// keep > 0 the keep largest activations above limit, ties to the lower feature,
// with keep = 0 all above limit, which must not be negative. take may keep the
// slices. Rows are of the SAE's Dim finite numbers. It returns the rows left,
// which are all where keep is too large.
func (d *Device) Encode(ctx context.Context, rows [][]float32, keep int, limit float32, take func(row int, features []uint32, values []float32)) ([]int, error) {
	room := keep
	if keep == 0 {
		room = candidates
	}
	if keep > maxKeep {
		return allRows(len(rows)), nil
	}
	var leftRows []int
	err := d.run(ctx, len(rows), func(s *slot, from, to int) (func(), error) {
		b, err := d.queueEncode(s, rows[from:to], keep, limit, room)
		return func() {
			counts, features, values := hostSlice[uint32](s, b.counts), hostSlice[uint32](s, b.features), hostSlice[float32](s, b.values)
			total := 0
			for _, count := range counts {
				if int(count) <= room {
					total += int(count)
				}
			}
			allFeatures, allValues := make([]uint32, total), make([]float32, total)
			for i, count := range counts {
				if int(count) > room { // left, or nonsense
					leftRows = append(leftRows, from+i)
					continue
				}
				n := int(count)
				copy(allFeatures[:n], features[i*room:])
				copy(allValues[:n], values[i*room:])
				take(from+i, allFeatures[:n:n], allValues[:n:n])
				allFeatures, allValues = allFeatures[n:], allValues[n:]
			}
		}, err
	})
	return leftRows, err
}

// queueEncode queues the encoding of a chunk.
func (d *Device) queueEncode(s *slot, rows [][]float32, keep int, limit float32, room int) (encodeBuffers, error) {
	var l layout
	n := len(rows)
	b := d.encodeBuffers(&l, n, room)
	fill(hostSlice[float32](s, b.rows), rows)
	for _, queue := range []func() error{
		func() error { return s.send(b.rows) },
		func() error { return d.queueCentre(s, b, n) },
		func() error { return d.queueScores(s, b, n) },
		func() error { return d.queueCodes(s, b, n, keep, limit, room) },
		func() error { return s.receive(b.counts, b.features, b.values) },
	} {
		if err := queue(); err != nil {
			return b, err
		}
	}
	return b, nil
}

// queueCentre queues what comes before the matrix product.
func (d *Device) queueCentre(s *slot, b encodeBuffers, n int) error {
	return d.kernels.centre.launch(s.stream, blocks(n, blockThreads/warp), 1, blockThreads,
		s.device+b.rows.device, d.weights.decoderBias, n, d.sae.Dim,
		d.screen.perError, d.screen.perRounded, d.screen.perNorm, d.screen.rest,
		s.device+b.x, s.device+b.rounded, s.device+b.bounds)
}

// queueScores queues the matrix product.
func (d *Device) queueScores(s *slot, b encodeBuffers, n int) error {
	return s.blas.scores(n, d.sae.Features, d.sae.Dim, s.device+b.rounded, d.weights.rounded, s.device+b.scores, d.stride())
}

// queueCodes queues what comes after it.
func (d *Device) queueCodes(s *slot, b encodeBuffers, n, keep int, limit float32, room int) error {
	return d.kernels.encode.launch(s.stream, n, 1, encodeThreads,
		s.device+b.scores, d.stride(), s.device+b.bounds, s.device+b.x, d.weights.encoder, d.weights.encoderBias,
		d.sae.Features, d.sae.Dim, keep, float64(limit), room,
		s.device+b.counts.device, s.device+b.features.device, s.device+b.values.device)
}
