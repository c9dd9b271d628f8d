//go:build cuda && cgo && linux && amd64

package cuda

import (
	"math"

	"github.com/steersight/steersight/model"
)

// A screen bounds how far a score, computed by the tensor cores, can be from
// the activation (before ReLU) that it stands for: by
//
//	perError·‖x − x'‖ + perRounded·‖x'‖ + perNorm·‖x‖ + rest
//
// for a centred row x and x', which is x rounded to TF32.
//
// Proof. The encoder's rows w are rounded to w' in the same way, so that the
// tensor cores are given numbers that they take exactly, whichever way they
// would round others. What they compute stands for x'·w', and
//
//	|x·w − x'·w'| ≤ ‖x − x'‖·‖w‖ + ‖x'‖·‖w − w'‖.
//
// Products of TF32 numbers have 22 bits and are exact. Their sum is not IEEE
// arithmetic: a step adds some products to the accumulator, all aligned with
// the largest of them and cut off. The assumption, which measurements of
// tensor cores support (Fasi, Higham, Mikaitis and Pranesh, Numerical behavior
// of NVIDIA tensor cores, PeerJ CS 7:e330, 2021), is that at least 24 bits
// are kept of the largest term M and of the result. A step of p ≥ 4 products
// then loses at most (p+1)·2⁻²³·M and 2⁻²³ of its result, both at most
// S = Σ|x'_i·w'_i|: for n products together (1 + 2/p)·n·2⁻²³·S ≤ 3n·u·S, with
// u = 2⁻²⁴. We take 4(n+16)·u·S ≤ 4(n+16)·u·‖x'‖·‖w'‖, which leaves room for
// parts that are summed apart and added in float32 and for higher orders.
//
// Adding the bias in float32, and rounding the activation to float32, cost a u
// of ‖x'‖·‖w'‖ + |b| and of ‖x‖·‖w‖ + |b|. Numbers below 2⁻¹²⁶ may be taken
// for zero, as factors, products and sums.
type screen struct {
	perError, perRounded, perNorm, rest float64
}

// newScreen makes the screen of an SAE.
func newScreen(sae *model.SAE) screen {
	const u, smallest = 0x1p-24, 0x1p-126
	var norm, roundedNorm, errorNorm, bias float64 // the largest
	for j, b := range sae.EncoderBias {
		var sum, roundedSum, errorSum float64
		for _, w := range sae.EncoderWeight[j*sae.Dim:][:sae.Dim] {
			exact, rounded := float64(w), float64(roundTF32(w))
			sum += exact * exact
			roundedSum += rounded * rounded
			errorSum += (exact - rounded) * (exact - rounded)
		}
		norm, roundedNorm, errorNorm = max(norm, sum), max(roundedNorm, roundedSum), max(errorNorm, errorSum)
		bias = max(bias, math.Abs(float64(b)))
	}
	norm, roundedNorm, errorNorm = math.Sqrt(norm), math.Sqrt(roundedNorm), math.Sqrt(errorNorm)

	const slack = 1 + 0x1p-10 // for the rounding of all this
	n, root := float64(sae.Dim+16), math.Sqrt(float64(sae.Dim))
	return screen{
		perError:   slack * norm,
		perRounded: slack * (errorNorm + 4*n*u*roundedNorm + root*smallest),
		perNorm:    slack * 4 * u * norm,
		rest:       slack * (4*u*bias + smallest*(root*roundedNorm+4*n)),
	}
}

// roundTF32 returns the nearest number with ten bits of fraction, ties to even.
func roundTF32(x float32) float32 {
	bits := math.Float32bits(x)
	bits += 0xfff + bits>>13&1
	return math.Float32frombits(bits &^ 0x1fff)
}
