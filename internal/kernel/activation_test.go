package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestGelu(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 70 {
		x := random(r, n)
		for i := range x {
			x[i] *= float32(math.Exp(2 * r.NormFloat64()))
		}
		var bits []float32
		for _, l := range levels() {
			With(l, func() {
				v := slices.Clone(x)
				Gelu(v)
				for i := range v {
					want := 0.5 * float64(x[i]) * math.Erfc(-float64(x[i])/math.Sqrt2)
					if math.Abs(float64(v[i])-want) > 2.5e-7*math.Max(math.Abs(float64(x[i])), 1e-3) {
						t.Errorf("%s: gelu(%v) is %v, want %v", l, x[i], v[i], want)
					}
				}
				if l != Generic && bits != nil && !slices.Equal(v, bits) {
					t.Errorf("%s gives other bits", l)
				}
				if l != Generic {
					bits = v
				}
			})
		}
	}
}

func TestActivationsKeepNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, l := range levels() {
		With(l, func() {
			for at := range 20 {
				v := make([]float32, 20)
				v[at] = nan
				Gelu(v)
				if v[at] == v[at] {
					t.Errorf("%s: NaN at %d became %v", l, at, v[at])
				}
			}
		})
	}
}

func BenchmarkGelu(b *testing.B) {
	x := random(rand.New(rand.NewPCG(1, 2)), 1536)
	v := make([]float32, len(x))
	for _, l := range levels() {
		b.Run(string(l), func(b *testing.B) {
			With(l, func() {
				for b.Loop() {
					copy(v, x)
					Gelu(v)
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1536, "ns/element")
		})
	}
}
