//go:build cuda && cgo && linux && amd64

package cuda

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
	"gorgonia.org/cu"
)

// These tests want a device: a GPU, or the stand-in that package gpu's test
// runs them with. STEERSIGHT_GPU=required makes them fail without one.

func openDevice(t testing.TB, sae *model.SAE, internalizers ...*model.Internalizer) *Device {
	t.Helper()
	d, err := Open(0, sae, internalizers)
	switch {
	case err == nil:
	case os.Getenv("STEERSIGHT_GPU") == "":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// size is small for the stand-in, which is slow.
func size(real, standIn int) int {
	if os.Getenv("STEERSIGHT_GPU") == "stand-in" {
		return standIn
	}
	return real
}

func normal(r *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64() * scale)
	}
	return v
}

func randomSAE(r *rand.Rand, dim, features, k int) *model.SAE {
	return &model.SAE{Dim: dim, Features: features, K: k,
		EncoderWeight: normal(r, dim*features, 1/math.Sqrt(float64(dim))), EncoderBias: normal(r, features, 0.01),
		Decoder: normal(r, dim*features, 1/math.Sqrt(float64(dim))), DecoderBias: normal(r, dim, 0.01)}
}

func randomRows(r *rand.Rand, n, dim int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = normal(r, dim, 1/math.Sqrt(float64(dim)))
	}
	return rows
}

func drop(int, []uint32, []float32) {}

// TestScreenBound compares every score that the device computed with the exact
// one, and says how much of the bound was needed.
func TestScreenBound(t *testing.T) {
	for _, dim := range []int{384, size(1024, 385), size(4096, 40)} {
		r := rand.New(rand.NewPCG(1, uint64(dim)))
		sae := randomSAE(r, dim, size(4099, 259), 16)
		for i := range sae.EncoderWeight[:dim] {
			sae.EncoderWeight[i] = float32(math.Abs(float64(sae.EncoderWeight[i]))) // one row without cancellation
		}
		d := openDevice(t, sae)
		rows := randomRows(r, 64, dim)
		for i := range rows[0] {
			rows[0][i] = float32(math.Abs(float64(rows[0][i])))
		}
		if _, err := d.Encode(context.Background(), rows, sae.K, 0, drop); err != nil {
			t.Fatal(err)
		}
		var l layout
		b := d.encodeBuffers(&l, len(rows), sae.K)
		scores, bounds := make([]float32, len(rows)*d.stride()), make([]float64, len(rows))
		if err := d.do(func() error {
			if err := cu.MemcpyDtoH(unsafe.Pointer(&scores[0]), d.slots[0].device+b.scores, int64(4*len(scores))); err != nil {
				return err
			}
			return cu.MemcpyDtoH(unsafe.Pointer(&bounds[0]), d.slots[0].device+b.bounds, int64(8*len(bounds)))
		}); err != nil {
			t.Fatal(err)
		}
		worst := 0.
		for i, row := range rows {
			x := make([]float32, dim)
			for at := range x {
				x[at] = row[at] - sae.DecoderBias[at]
			}
			for j, bias := range sae.EncoderBias {
				exact := float64(float32(kernel.Dot(x, sae.EncoderWeight[j*dim:][:dim]) + float64(bias)))
				off := math.Abs(float64(scores[i*d.stride()+j]+bias) - exact)
				worst = max(worst, off/bounds[i])
				if off > bounds[i] {
					t.Fatalf("dim %d: score %d of row %d is off by %v, the bound is %v", dim, j, i, off, bounds[i])
				}
			}
		}
		t.Logf("dim %d: bound %.2g, of which %.0f %% was needed", dim, bounds[0], 100*worst)
	}
}

// TestLittleMemory takes most of the device's memory away.
func TestLittleMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	sae := randomSAE(r, 64, size(8192, 512), 16)
	rows := randomRows(r, 3000, 64)
	if os.Getenv("STEERSIGHT_GPU") == "stand-in" {
		rows = rows[:200]
	}
	encode := func(d *Device) (codes []map[uint32]float32) {
		left, err := d.Encode(context.Background(), rows, sae.K, 0, func(_ int, features []uint32, values []float32) {
			code := map[uint32]float32{}
			for at, j := range features {
				code[j] = values[at]
			}
			codes = append(codes, code)
		})
		if err != nil || len(left) > 0 {
			t.Fatal(left, err)
		}
		return codes
	}
	d := openDevice(t, sae)
	plenty := encode(d)

	taken := takeMemory(t, d, 2*(workspaceSize+int64(d.size(maxRows/8).device)))
	little := openDevice(t, sae)
	if little.rows >= maxRows {
		t.Errorf("chunks have %d rows with little memory", little.rows)
	}
	for i, code := range encode(little) {
		for j, value := range plenty[i] {
			if code[j] != value || len(code) != len(plenty[i]) {
				t.Fatalf("row %d has another code with little memory", i)
			}
		}
	}
	little.Close()

	more := takeMemory(t, d, workspaceSize)
	if none, err := Open(0, sae, nil); err == nil {
		none.Close()
		t.Error("opened without memory")
	} else {
		t.Log(err)
	}
	freeMemory(t, d, append(taken, more...))
}

// takeMemory leaves about rest bytes free.
func takeMemory(t *testing.T, d *Device, rest int64) (taken []cu.DevicePtr) {
	t.Helper()
	if err := d.do(func() error {
		for piece := int64(1 << 36); piece >= 1<<20; piece /= 2 {
			for {
				free, _, err := cu.MemInfo()
				if err != nil {
					return err
				}
				if free-piece < rest {
					break
				}
				p, err := cu.MemAlloc(piece)
				if err != nil {
					break
				}
				taken = append(taken, p)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return taken
}

func freeMemory(t *testing.T, d *Device, all []cu.DevicePtr) {
	t.Helper()
	if err := d.do(func() error {
		for _, p := range all {
			if err := cu.MemFree(p); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkStages times each stage of a chunk by itself, and a large batch of
// which the stages and copies overlap.
func BenchmarkStages(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	dim, features, hidden := 1024, size(32768, 256), size(1024, 32)
	sae := randomSAE(r, dim, features, 64)
	m := &model.Internalizer{Dim: dim, Hidden: hidden, W1: normal(r, hidden*dim, 0.03), B1: normal(r, hidden, 0.1),
		W2: normal(r, dim*hidden, 0.03), B2: normal(r, dim, 0.1)}
	d := openDevice(b, sae, m)
	n := min(d.rows, size(maxRows, 8))
	rows := randomRows(r, n, dim)
	if _, err := d.Encode(context.Background(), rows, sae.K, 0, drop); err != nil {
		b.Fatal(err)
	}
	s, w := d.slots[0], &d.weights
	var l layout
	e := d.encodeBuffers(&l, n, sae.K)
	var lv layout
	v := d.viewBuffers(&lv, n)
	on := func(b buffer) cu.DevicePtr { return s.device + b.device }
	for _, stage := range []struct {
		name string
		run  func() error
	}{
		{"copy in", func() error { return s.send(e.rows) }},
		{"centre", func() error { return d.queueCentre(s, e, n) }},
		{"scores", func() error { return d.queueScores(s, e, n) }},
		{"codes", func() error { return d.queueCodes(s, e, n, sae.K, 0, sae.K) }},
		{"copy out", func() error { return s.receive(e.counts, e.features, e.values) }},
		{"view", func() error {
			hidden := s.device + v.hidden
			if err := d.queueDense(s, on(v.rows), w.internalizers[0].w1, w.internalizers[0].b1, n, m.Hidden, dim, 1, hidden); err != nil {
				return err
			}
			return d.queueDense(s, hidden, w.internalizers[0].w2, w.internalizers[0].b2, n, dim, m.Hidden, 0, on(v.views))
		}},
	} {
		b.Run(stage.name, func(b *testing.B) {
			var took time.Duration
			if err := d.do(func() error {
				if err := s.stream.Synchronize(); err != nil {
					return err
				}
				began := time.Now()
				for range b.N {
					if err := stage.run(); err != nil {
						return err
					}
				}
				err := s.stream.Synchronize()
				took = time.Since(began)
				return err
			}); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)*float64(n)/took.Seconds(), "rows/s")
		})
	}
	b.Run("encode 65536", func(b *testing.B) {
		many := make([][]float32, size(65536, 16))
		for i := range many {
			many[i] = rows[i%n]
		}
		for b.Loop() {
			if _, err := d.Encode(context.Background(), many, sae.K, 0, drop); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*float64(len(many))/b.Elapsed().Seconds(), "rows/s")
	})
}
