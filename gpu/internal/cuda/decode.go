//go:build cuda && cgo && linux && amd64

package cuda

import (
	"context"

	"gorgonia.org/cu"
)

// decodeEntries is how many entries the codes of a chunk may have, per row.
const decodeEntries = candidates

// decodeBuffers are a slot's memory for decoding.
type decodeBuffers struct{ ends, features, values, out buffer }

func (d *Device) decodeBuffers(l *layout, rows, entries int) decodeBuffers {
	return decodeBuffers{ends: l.both(8 * rows), features: l.both(4 * entries), values: l.both(4 * entries),
		out: l.both(4 * rows * d.sae.Dim)}
}

// Decode writes the reconstruction of n codes to out [n][Dim]; code returns
// one of them, whose features must be the SAE's. It returns the rows left,
// which are all where the codes are very long.
func (d *Device) Decode(ctx context.Context, n int, code func(i int) ([]uint32, []float32), out [][]float32) ([]int, error) {
	if d.tooLong(n, code) {
		return allRows(n), nil
	}
	return nil, d.run(ctx, n, func(s *slot, from, to int) (func(), error) {
		b, err := d.queueDecode(s, from, to, code)
		return func() {
			numbers := hostSlice[float32](s, b.out)
			eachRow(to-from, func(i int) { copy(out[from+i], numbers[i*d.sae.Dim:]) })
		}, err
	})
}

// tooLong reports whether the codes of a chunk do not fit a slot.
func (d *Device) tooLong(n int, code func(i int) ([]uint32, []float32)) bool {
	for from := 0; from < n; from += d.rows {
		rows, entries := min(d.rows, n-from), 0
		for i := range rows {
			features, _ := code(from + i)
			entries += len(features)
		}
		if entries > rows*decodeEntries {
			return true
		}
	}
	return false
}

// queueDecode queues the decoding of a chunk.
func (d *Device) queueDecode(s *slot, from, to int, code func(i int) ([]uint32, []float32)) (decodeBuffers, error) {
	n, entries := to-from, 0
	for i := from; i < to; i++ {
		features, _ := code(i)
		entries += len(features)
	}
	var l layout
	b := d.decodeBuffers(&l, n, entries)
	ends, features, values := hostSlice[uint64](s, b.ends), hostSlice[uint32](s, b.features), hostSlice[float32](s, b.values)
	at := 0
	for i := from; i < to; i++ {
		f, v := code(i)
		copy(features[at:], f)
		copy(values[at:], v)
		at += len(f)
		ends[i-from] = uint64(at)
	}
	if err := s.send(b.ends, b.features, b.values); err != nil {
		return b, err
	}
	on := func(b buffer) cu.DevicePtr { return s.device + b.device }
	if err := d.kernels.decode.launch(s.stream, n, 1, blockThreads,
		on(b.ends), on(b.features), on(b.values), d.weights.decoder, d.weights.decoderBias, d.sae.Dim, on(b.out)); err != nil {
		return b, err
	}
	return b, s.receive(b.out)
}
