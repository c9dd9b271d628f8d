package kernel

// lanes is the number of partial sums of a Dot. It suits four AVX-512
// registers, eight AVX2 registers and one CUDA warp.
const lanes = 32

// Dot returns Σ x_i·w_i in float64, summed in the one order that every kernel
// follows: lane l adds the products of elements l, l+32, l+64, … in turn, then
// the upper half of the lanes is added to the lower half, five times over.
//
// The product of two float32 is exact in float64, so a fused multiply-add
// gives the same sum as a product and an addition: only the order decides the
// bits. The lengths must be equal.
func Dot(x, w []float32) float64 {
	w = w[:len(x)]
	if len(x)%lanes == 0 {
		return dotLevel(level, x, w)
	}
	return dotGeneric(x, w)
}

func dotGeneric[T float32 | float64](x []T, w []float32) float64 {
	var sum [lanes]float64
	whole := len(x) &^ (lanes - 1)
	for l := 0; l < lanes; l += 8 { // eight sums fit the registers
		var s0, s1, s2, s3, s4, s5, s6, s7 float64
		for i := l; i < whole; i += lanes {
			a, b := x[i:i+8:i+8], w[i:i+8:i+8]
			s0 += float64(a[0]) * float64(b[0])
			s1 += float64(a[1]) * float64(b[1])
			s2 += float64(a[2]) * float64(b[2])
			s3 += float64(a[3]) * float64(b[3])
			s4 += float64(a[4]) * float64(b[4])
			s5 += float64(a[5]) * float64(b[5])
			s6 += float64(a[6]) * float64(b[6])
			s7 += float64(a[7]) * float64(b[7])
		}
		sum[l], sum[l+1], sum[l+2], sum[l+3] = s0, s1, s2, s3
		sum[l+4], sum[l+5], sum[l+6], sum[l+7] = s4, s5, s6, s7
	}
	for i := whole; i < len(x); i++ {
		sum[i-whole] += float64(x[i]) * float64(w[i])
	}
	for half := lanes / 2; half > 0; half /= 2 {
		for l := range half {
			sum[l] += sum[l+half]
		}
	}
	return sum[0]
}
