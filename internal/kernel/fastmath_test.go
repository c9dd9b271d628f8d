package kernel

import (
	"math"
	"testing"
)

func TestErf(t *testing.T) {
	for i := range 400_001 {
		x := float64(i-200_000) / 25_000
		if got, want := erf(x), math.Erf(x); math.Abs(got-want) > 1e-9 || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("erf(%g): got %g, want %g", x, got, want)
		}
	}
	for _, x := range []float64{math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		if got := erf(x); got != math.Erf(x) {
			t.Errorf("erf(%g): got %g", x, got)
		}
	}
	if !math.IsNaN(erf(math.NaN())) {
		t.Error("erf(NaN) is a number")
	}
}

func TestExp(t *testing.T) {
	for i := range 400_001 {
		x := -float64(i) / 1000
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-12*want {
			t.Fatalf("exp(%g): got %g, want %g", x, got, want)
		}
	}
	if got := exp(0); got != 1 {
		t.Errorf("exp(0) is %g", got)
	}
	if got := exp(math.Inf(-1)); got != 0 {
		t.Errorf("exp(-Inf) is %g", got)
	}
	if !math.IsNaN(exp(math.NaN())) {
		t.Error("exp(NaN) is a number")
	}
}

func TestTanh(t *testing.T) {
	for i := range 100_001 {
		x := float64(i-50_000) / 2_500
		if got, want := tanh(x), math.Tanh(x); math.Abs(got-want) > 1e-12 {
			t.Fatalf("tanh(%g): got %g, want %g", x, got, want)
		}
	}
	if got := tanh(math.Inf(-1)); got != -1 {
		t.Errorf("tanh(-Inf) is %g", got)
	}
	if !math.IsNaN(tanh(math.NaN())) {
		t.Error("tanh(NaN) is a number")
	}
}

func BenchmarkErf(b *testing.B) {
	var sum float64
	for i := 0; b.Loop(); i++ {
		sum += erf(float64(i%1000)/200 - 2.5)
	}
	_ = sum
}

func BenchmarkExp(b *testing.B) {
	var sum float64
	for i := 0; b.Loop(); i++ {
		sum += exp(-float64(i%1000) / 100)
	}
	_ = sum
}
