package kernel

import "math"

// step is how many numbers the kernels of this file take at a time.
const step = 16

// Gelu replaces each x by x·Φ(x), with the normal distribution's own Φ, to an
// absolute error below 2.5e-7·|x|. AVX-512 and AVX2 give the same bits, the Go
// kernel others.
func Gelu(v []float32) {
	whole := len(v) &^ (step - 1)
	if !geluLevel(level, v[:whole]) {
		geluGeneric(v)
		return
	}
	var rest [step]float32
	if copy(rest[:], v[whole:]) > 0 {
		geluLevel(level, rest[:])
		copy(v[whole:], rest[:])
	}
}

func geluGeneric(v []float32) {
	for i, x := range v {
		v[i] = float32(0.5 * float64(x) * (1 + erf(float64(x)*(1/math.Sqrt2))))
	}
}

// GeluTanh is the approximation of Gelu by a hyperbolic tangent.
func GeluTanh(v []float32) {
	const c = 0.7978845608028654 // √(2/π)
	for i, x := range v {
		y := float64(x)
		v[i] = float32(0.5 * y * (1 + tanh(c*(y+0.044715*y*y*y))))
	}
}
