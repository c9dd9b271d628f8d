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
			at(l, func() {
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

func TestExpKernel(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for n := range 70 {
		x := random(r, n)
		const top = 3
		for i := range x {
			x[i] = top - float32(math.Abs(float64(x[i]))*math.Exp(2*r.NormFloat64()))
		}
		if n > 0 {
			x[0] = top
		}
		var bits []float32
		for _, l := range levels() {
			at(l, func() {
				v := slices.Clone(x)
				Exp(v, top)
				for i := range v {
					want := math.Exp(float64(x[i] - top))
					if math.Abs(float64(v[i])-want) > 2e-7*want+2e-38 {
						t.Errorf("%s: exp(%v) is %v, want %v", l, x[i]-top, v[i], want)
					}
				}
				if n > 0 && v[0] != 1 {
					t.Errorf("%s: exp(0) is %v", l, v[0])
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
		at(l, func() {
			for at := range 20 {
				v := make([]float32, 20)
				v[at] = nan
				Gelu(v)
				w := make([]float32, 20)
				w[at] = nan
				Exp(w, 0)
				if v[at] == v[at] || w[at] == w[at] {
					t.Errorf("%s: NaN at %d became %v and %v", l, at, v[at], w[at])
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
			at(l, func() {
				for b.Loop() {
					copy(v, x)
					Gelu(v)
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1536, "ns/element")
		})
	}
}
