package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// slowDot is the definition of Dot, written down as plainly as can be.
func slowDot(x, w []float32) float64 {
	var sum [32]float64
	for i := range x {
		product := float64(x[i]) * float64(w[i])
		sum[i%32] += product
	}
	for _, half := range []int{16, 8, 4, 2, 1} {
		for l := 0; l < half; l++ {
			sum[l] += sum[l+half]
		}
	}
	return sum[0]
}

func TestDotOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 400 {
		x, w := random(r, n), random(r, n)
		for i := range x { // spread the magnitudes, so that the order shows
			x[i] = float32(math.Ldexp(float64(x[i]), r.IntN(80)-40))
		}
		for _, l := range levels() {
			With(l, func() {
				if got, want := Dot(x, w), slowDot(x, w); got != want {
					t.Fatalf("%s, n=%d: Dot is %v, the definition gives %v", l, n, got, want)
				}
			})
		}
	}
}

func TestDotExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, l := range levels() {
		With(l, func() {
			x, w := make([]float32, 64), make([]float32, 64)
			x[3], w[3], x[40], w[40] = 1e-45, 1e-45, 3e38, 3e38
			if got, want := Dot(x, w), slowDot(x, w); got != want || got == 0 {
				t.Errorf("%s: %v, want %v", l, got, want)
			}
			x[5], w[5] = inf, -1
			if got := Dot(x, w); !math.IsInf(got, -1) {
				t.Errorf("%s: %v, want -Inf", l, got)
			}
			x[6] = nan
			if got := Dot(x, w); !math.IsNaN(got) {
				t.Errorf("%s: %v, want NaN", l, got)
			}
		})
	}
}

func BenchmarkDot(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, w := random(r, 384), random(r, 384)
	for _, l := range levels() {
		b.Run(string(l), func(b *testing.B) {
			With(l, func() {
				for b.Loop() {
					Dot(x, w)
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/384, "ns/element")
		})
	}
}
