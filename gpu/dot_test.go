package gpu

import (
	"math/rand/v2"
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
