package featureindex

import "math"

// scaleFor returns the scale of a feature whose largest activation is most:
// the smallest float32 of which 255 make up most.
func scaleFor(most float64) float32 {
	s := float32(most / maxImpact)
	for float64(s)*maxImpact < most {
		s = math.Nextafter32(s, math.MaxFloat32)
	}
	for below := math.Nextafter32(s, 0); below > 0 && float64(below)*maxImpact >= most; below = math.Nextafter32(s, 0) {
		s = below
	}
	return s
}

// impactOf returns the smallest impact of which scale makes up activation,
// 1..255: impact·scale >= activation > (impact−1)·scale. The products of a
// byte and a float32 are exact in float64, and so are the comparisons. inverse
// is 1/scale, rounded, which makes the first guess right or too small. An
// activation beyond the scale, as only damage makes it, gets 255.
func impactOf(activation, scale, inverse float64) uint8 {
	v := int(min(activation*inverse, maxImpact))
	for v < maxImpact && float64(v)*scale < activation {
		v++
	}
	return uint8(v)
}
