package embed

import "github.com/steersight/steersight/internal/kernel"

// activations are the functions between the two linear layers of a BERT layer,
// by the names that config.json gives them. They work in place.
var activations = map[string]func(v []float32){
	"gelu":              kernel.Gelu,
	"gelu_python":       kernel.Gelu,
	"gelu_new":          kernel.GeluTanh,
	"gelu_pytorch_tanh": kernel.GeluTanh,
	"relu":              relu,
}

// relu is max(x, 0).
func relu(v []float32) {
	for i, x := range v {
		v[i] = max(x, 0)
	}
}
