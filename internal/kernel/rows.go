package kernel

import "math"

// Softmax replaces each x of a row by e^(scale·(x − the largest)), over the sum
// of these. What is so small that it counts for nothing in the sum may stay
// that small instead of 0. For rows of a multiple of 16 AVX-512 and AVX2 give
// the same bits, the Go kernel others; all other rows are the Go kernel's.
func Softmax(row []float32, scale float32) {
	if !softmaxLevel(level, row, scale) {
		softmaxGeneric(row, scale)
	}
}

func softmaxGeneric(row []float32, scale float32) {
	if len(row) == 0 {
		return
	}
	top := row[0]
	for _, x := range row {
		top = max(top, x)
	}
	sum := 0.
	for i, x := range row {
		row[i] = float32(exp(float64((x - top) * scale)))
		sum += float64(row[i])
	}
	weight := float32(1 / sum)
	for i := range row {
		row[i] *= weight
	}
}

// AddNorm adds v to dst and normalizes the sum: to mean 0 and variance 1 (plus
// epsilon), times weight, plus bias. All have the length of dst. The same rows
// have the same bits as in Softmax.
func AddNorm(dst, v, weight, bias []float32, epsilon float32) {
	v, weight, bias = v[:len(dst)], weight[:len(dst)], bias[:len(dst)]
	if !addNormLevel(level, dst, v, weight, bias, epsilon) {
		addNormGeneric(dst, v, weight, bias, epsilon)
	}
}

// addNormGeneric takes mean and variance in float64. The conversions keep
// products and sums from being fused, which would round differently on machines
// that fuse.
func addNormGeneric(dst, v, weight, bias []float32, epsilon float32) {
	sum, n := 0., float64(len(dst))
	for i := range dst {
		dst[i] += v[i]
		sum += float64(dst[i])
	}
	mean, squares := sum/n, 0.
	for _, x := range dst {
		d := float64(x) - mean
		squares += float64(d * d)
	}
	scale := 1 / math.Sqrt(squares/n+float64(epsilon))
	for i, x := range dst {
		dst[i] = float32(float32((float64(x)-mean)*scale)*weight[i]) + bias[i]
	}
}
