package gpu

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

func randomVector(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func TestDotOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		x, w := randomVector(r, n), randomVector(r, n)
		for i := range x { // spread the magnitudes, so that the order shows
			x[i] = float32(math.Ldexp(float64(x[i]), r.IntN(80)-40))
		}
		if got, want := Dot(x, w), slowDot(x, w); got != want {
			t.Fatalf("n=%d: Dot is %v, the definition gives %v", n, got, want)
		}
	}
}

func BenchmarkDot(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, w := randomVector(r, 384), randomVector(r, 384)
	for b.Loop() {
		Dot(x, w)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/384, "ns/element")
}
