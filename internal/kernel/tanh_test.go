package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// bigTanh is tanh to 200 bits: e^(2x) by its series after halving 2x often.
func bigTanh(x float64) float64 {
	const bits, halvings = 400, 40
	y := new(big.Float).SetPrec(bits).SetMantExp(big.NewFloat(2*x), -halvings)
	term, sum := big.NewFloat(1).SetPrec(bits), big.NewFloat(1).SetPrec(bits)
	for i := 1; i < 30; i++ {
		term = new(big.Float).Quo(new(big.Float).Mul(term, y), big.NewFloat(float64(i)).SetPrec(bits))
		sum = new(big.Float).Add(sum, term)
	}
	for range halvings {
		sum = new(big.Float).Mul(sum, sum)
	}
	one := big.NewFloat(1).SetPrec(bits)
	t, _ := new(big.Float).Quo(new(big.Float).Sub(sum, one), new(big.Float).Add(sum, one)).Float64()
	return t
}

func TestTanhIsTheFunction(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	inputs := []float64{0, 1e-300, 1e-20, 1e-9, 1e-3, 0.1, 0.17328679513998632, 0.5, 1, 2, 5, 9, 19, 20, 20.0000001, 700, math.MaxFloat64}
	for range 3000 {
		inputs = append(inputs, r.NormFloat64()*math.Exp(4*r.NormFloat64()))
	}
	worst := 0.
	for _, x := range inputs {
		want := math.Copysign(1, x)
		switch a := math.Abs(x); {
		case a < 1e-8: // x − x³/3 rounds to x
			want = x
		case a < 30:
			want = bigTanh(x)
		}
		got := Tanh(x)
		if diff := math.Abs(got - want); diff > worst {
			worst = diff
		}
		if relative := math.Abs(got-want) / math.Max(math.Abs(want), 1e-300); relative > 4e-16 {
			t.Errorf("tanh(%v) = %v, want %v", x, got, want)
		}
		if Tanh(-x) != -got {
			t.Errorf("tanh(%v) is not odd", x)
		}
	}
	if worst > 2.3e-16 {
		t.Errorf("worst error %v", worst)
	}
	if !math.Signbit(Tanh(math.Copysign(0, -1))) {
		t.Error("tanh(-0) lost its sign")
	}
}

func TestTanhAllIsTanh(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 40 {
		x := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, 5e-324, 20, -20.0000001, 19.99}
		for range n {
			x = append(x, r.NormFloat64()*math.Exp(4*r.NormFloat64()))
		}
		for _, l := range levels() {
			With(l, func() {
				v := slices.Clone(x)
				TanhAll(v)
				for i := range v {
					if want := Tanh(x[i]); math.Float64bits(v[i]) != math.Float64bits(want) && want == want || (v[i] != v[i]) != (want != want) {
						t.Errorf("%s: the tanh of %v is %v, want %v", l, x[i], v[i], want)
					}
				}
			})
		}
	}
}

func BenchmarkTanhAll(b *testing.B) {
	x, v := make([]float64, 1024), make([]float64, 1024)
	for i := range x {
		x[i] = float64(i)/256 - 2
	}
	for _, l := range levels() {
		b.Run(string(l), func(b *testing.B) {
			With(l, func() {
				for b.Loop() {
					copy(v, x)
					TanhAll(v)
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/element")
		})
	}
}
