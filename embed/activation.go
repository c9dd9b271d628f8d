package embed

import "math"

// activations are the functions between the two linear layers of a BERT layer,
// by the names that config.json gives them. They work in place.
var activations = map[string]func(v []float32){
	"gelu":              gelu,
	"gelu_python":       gelu,
	"gelu_new":          geluTanh,
	"gelu_pytorch_tanh": geluTanh,
	"relu":              relu,
}

// gelu is x·Φ(x) with the normal distribution's own Φ.
func gelu(v []float32) {
	for i, x := range v {
		v[i] = float32(0.5 * float64(x) * (1 + erf(float64(x)*(1/math.Sqrt2))))
	}
}

// geluTanh is the approximation of gelu by a hyperbolic tangent.
func geluTanh(v []float32) {
	const c = 0.7978845608028654 // √(2/π)
	for i, x := range v {
		y := float64(x)
		v[i] = float32(0.5 * y * (1 + tanh(c*(y+0.044715*y*y*y))))
	}
}

// relu is max(x, 0).
func relu(v []float32) {
	for i, x := range v {
		v[i] = max(x, 0)
	}
}
