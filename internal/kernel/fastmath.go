package kernel

import "math"

// The functions below are math's with the last digits left out: their error is
// below what float32 keeps, and they cost a fraction.

// erfSteps is how many points of the error function's table lie between 0 and
// 1, and erfEnd where the table ends: erf(6) is 1 to float64.
const (
	erfSteps = 32
	erfEnd   = 6
)

// erfTable holds, for each of its points c, the coefficients of the error
// function's Taylor series at c up to the fourth power.
var erfTable = func() (table [erfSteps*erfEnd + 1][5]float64) {
	for i := range table {
		c := float64(i) / erfSteps
		slope := 2 / math.Sqrt(math.Pi) * math.Exp(-c*c)
		table[i] = [5]float64{math.Erf(c), slope, -slope * c, slope * (2*c*c - 1) / 3, slope * (3*c - 2*c*c*c) / 6}
	}
	return table
}()

// erf returns the error function of x to an absolute error of 1e-9.
func erf(x float64) float64 {
	y := math.Abs(x)
	if !(y < erfEnd) {
		return math.Erf(x) // ±1, or NaN
	}
	i := int(y*erfSteps + 0.5)
	t, d := &erfTable[i], y-float64(i)/erfSteps
	return math.Copysign(t[0]+d*(t[1]+d*(t[2]+d*(t[3]+d*t[4]))), x)
}

// expSteps is how many points of the exponential's table lie between two
// powers of two.
const expSteps = 64

// expTable holds 2^(i/expSteps).
var expTable = func() (table [expSteps]float64) {
	for i := range table {
		table[i] = math.Exp2(float64(i) / expSteps)
	}
	return table
}()

// exp returns e^x for x ≤ 0 to a relative error of 1e-12, and 0 below e^-700.
func exp(x float64) float64 {
	if !(x > -700) {
		if math.IsNaN(x) {
			return x
		}
		return 0
	}
	k := int(x*(expSteps/math.Ln2) - 0.5)
	r := x - float64(k)*(math.Ln2/expSteps)
	power := math.Float64frombits(uint64(k>>6+1023) << 52)
	return power * expTable[k&(expSteps-1)] * (1 + r*(1+r*(1.0/2+r*(1.0/6+r*(1.0/24)))))
}

// tanh returns the hyperbolic tangent of x to an absolute error of 1e-12.
func tanh(x float64) float64 {
	t := exp(-2 * math.Abs(x))
	return math.Copysign((1-t)/(1+t), x)
}
