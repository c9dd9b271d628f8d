package study

import "math"

// An adam is the state of the optimiser for some weights: Kingma and Ba, Adam,
// 2015, algorithm 1, with β₁ = 0.9, β₂ = 0.999 and ε = 1e-8.
type adam struct{ mean, square []float32 }

func newAdam(n int) adam { return adam{make([]float32, n), make([]float32, n)} }

const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// A stride is how far one step of Adam goes.
type stride struct{ length, root float32 }

// strideOf returns that of step number t, from 1, at a learning rate.
func strideOf(t int, rate float64) stride {
	return stride{float32(rate / (1 - power(beta1, t))), float32(1 / math.Sqrt(1-power(beta2, t)))}
}

// power returns base to the power of n by products alone, which are the same on
// every machine; math.Pow is not.
func power(base float64, n int) float64 {
	result := 1.
	for ; n > 0; n /= 2 {
		if n%2 == 1 {
			result *= base
		}
		base *= base
	}
	return result
}

// part is the state of n weights from first on.
func (a adam) part(first, n int) adam { return adam{a.mean[first:][:n], a.square[first:][:n]} }

// step moves weights against their gradient. Products are converted before they
// are added so that no machine fuses the two.
func (a adam) step(weights, gradient []float32, s stride) {
	mean, square, weights := a.mean[:len(gradient)], a.square[:len(gradient)], weights[:len(gradient)]
	for i, g := range gradient {
		m := float32(beta1*mean[i]) + float32((1-beta1)*g)
		v := float32(beta2*square[i]) + float32((1-beta2)*float32(g*g))
		mean[i], square[i] = m, v
		root := float32(math.Sqrt(float64(v)))
		weights[i] -= float32(s.length*m) / (float32(root*s.root) + epsilon)
	}
}
