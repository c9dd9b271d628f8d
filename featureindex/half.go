package featureindex

import "math"

// maxHalf is the largest float16.
const maxHalf = 65504

// Half returns what a section with Options.Half keeps of an activation: the
// nearest float16, ties to even, but never 0; +Inf beyond the largest one.
func Half(activation float32) float32 {
	bits, ok := toHalf(activation)
	if !ok {
		return float32(math.Inf(1))
	}
	return fromHalf(bits)
}

// toHalf rounds a positive float32 to the nearest float16, ties to even; what
// would round to zero becomes the smallest float16, so that a support never
// changes. ok is false for values beyond the range.
func toHalf(a float32) (bits uint16, ok bool) {
	b := math.Float32bits(a)
	exponent := int(b>>23) - 127
	switch {
	case exponent > 15:
		return 0, false
	case exponent < -14:
		// Subnormal: a multiple of 2^-24, 0x400 of them being the smallest normal.
		return max(1, uint16(math.RoundToEven(float64(a)*(1<<24)))), true
	}
	mantissa := b & (1<<23 - 1)
	half := uint32(exponent+15)<<10 | mantissa>>13
	if rest := mantissa & 0x1fff; rest > 0x1000 || rest == 0x1000 && half&1 == 1 {
		half++
	}
	return uint16(half), half < 0x7c00
}

// fromHalf returns the value of a float16 that is not negative. Infinity and
// NaN, which no section holds, become values beyond maxHalf.
func fromHalf(bits uint16) float32 {
	if bits < 0x400 {
		return float32(bits) * (1.0 / (1 << 24))
	}
	return math.Float32frombits(uint32(bits)<<13 + (127-15)<<23)
}
