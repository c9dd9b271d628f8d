//go:build cuda && cgo && linux && amd64

package cuda

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestRoundTF32(t *testing.T) {
	for x, want := range map[float32]float32{
		0: 0, 1: 1, -1: -1, 1 + 0x1p-10: 1 + 0x1p-10,
		1 + 0x1p-11: 1, 1 + 0x1p-11 + 0x1p-23: 1 + 0x1p-10, 1 + 3*0x1p-11: 1 + 0x1p-9, // ties go to even
		-(1 + 0x1p-11): -1, 0x1p-149: 0, 0x1p-136: 0x1p-136,
		math.MaxFloat32: float32(math.Inf(1)),
	} {
		if got := roundTF32(x); got != want {
			t.Errorf("%x rounds to %x, want %x", x, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 10000 {
		x := float32(r.NormFloat64())
		if d := math.Abs(float64(roundTF32(x))-float64(x)) / math.Abs(float64(x)); d > 0x1p-11 {
			t.Errorf("%x is rounded by %v of itself", x, d)
		}
	}
}
