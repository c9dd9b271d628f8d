package embed

import "math"

// unit sets dst to v divided by its Euclidean norm, or by 1e-12 if that is
// larger, and returns the norm, which is summed in float64 without fused
// operations. v is left as it was.
func unit(dst []float32, v []float64) (norm float64) {
	var square float64
	for _, x := range v {
		square += float64(x * x)
	}
	norm = math.Sqrt(square)
	for i, x := range v {
		dst[i] = float32(x / max(norm, 1e-12))
	}
	return norm
}
