package study

import (
	"math"
	"testing"
)

// Three steps by hand, in float64.
func TestAdam(t *testing.T) {
	gradients := []float32{0.5, -0.25, 1e-4}
	state, w := newAdam(2), []float32{1, -2}
	m, v, want := 0., 0., 1.
	for i, g := range gradients {
		state.step(w, []float32{g, 0}, strideOf(i+1, 0.01))
		m, v = 0.9*m+0.1*float64(g), 0.999*v+0.001*float64(g)*float64(g)
		n := float64(i + 1)
		want -= 0.01 * m / (1 - math.Pow(0.9, n)) / (math.Sqrt(v/(1-math.Pow(0.999, n))) + 1e-8)
		if math.Abs(float64(w[0])-want) > 1e-6 || w[1] != -2 {
			t.Errorf("step %d: %v, want %v and -2", i+1, w, want)
		}
	}
	if part := state.part(1, 1); len(part.mean) != 1 || part.mean[0] != 0 || state.mean[0] == 0 {
		t.Errorf("%+v of %+v", part, state)
	}
}

func TestPower(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 10, 1000, 1 << 30} {
		near(t, "power", power(0.999, n), math.Pow(0.999, float64(n)))
	}
}

func BenchmarkAdam(b *testing.B) {
	state, w, g := newAdam(1<<15), make([]float32, 1<<15), make([]float32, 1<<15)
	for i := range g {
		g[i] = float32(i%7) - 3
	}
	for b.Loop() {
		state.step(w, g, strideOf(3, 1e-3))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<15), "ns/weight")
}
