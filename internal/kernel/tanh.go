package kernel

import "math"

// Tanh returns the hyperbolic tangent, made of additions, products, fused
// multiply-adds and one division only, so that a kernel in any language that
// does the same steps gives the same bits (math.Tanh is another function on
// some CPUs).
//
// With t = e^(2|x|) − 1 it is t/(t+2). e^y − 1 is 2^n·p + (2^n − 1) for
// y = n·ln 2 + r and p = e^r − 1, |r| ≤ ln 2/2, by its Taylor series. The
// result is within 2e-16 of the true value.
func Tanh(x float64) float64 {
	y := 2 * math.Abs(x)
	if y > 40 { // 1 − tanh is below half a unit in the last place
		return math.Copysign(1, x)
	}
	const (
		ln2High = 0x1.62e42feep-1 // the first 32 bits, so that n·ln2High is exact
		ln2Low  = 0x1.a39ef35793c76p-33
	)
	n := math.RoundToEven(y * (1 / math.Ln2))
	r := math.FMA(-n, ln2High, y)
	r = math.FMA(-n, ln2Low, r)
	series := taylor[0]
	for _, c := range taylor[1:] {
		series = math.FMA(series, r, c)
	}
	p := math.FMA(series*r, r, r)
	scale := math.Float64frombits(uint64(1023+int(n)) << 52)
	t := math.FMA(scale, p, scale-1)
	return math.Copysign(t/(t+2), x)
}

// taylor holds 1/14!, 1/13!, …, 1/2!: e^r − 1 = r + r²·(1/2! + r/3! + …).
var taylor = [...]float64{
	1. / 87178291200, 1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320,
	1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2,
}

// TanhAll replaces each number of v by its Tanh.
func TanhAll(v []float64) {
	const few = 8
	whole := len(v) &^ (few - 1)
	if !tanhLevel(level, v[:whole]) {
		for i, x := range v {
			v[i] = Tanh(x)
		}
		return
	}
	var rest [few]float64
	if copy(rest[:], v[whole:]) > 0 {
		tanhLevel(level, rest[:])
		copy(v[whole:], rest[:])
	}
}
