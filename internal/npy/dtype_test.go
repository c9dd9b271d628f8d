package npy

import (
	"math"
	"testing"
)

func TestHalfToFloat(t *testing.T) {
	known := map[uint16]float64{
		0x0000: 0, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x0400: 0x1p-14,
		0x3c00: 1, 0x3555: 0.333251953125, 0xc000: -2, 0x7bff: 65504,
		0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	}
	for bits, want := range known {
		if got := halfToFloat(bits); got != want {
			t.Errorf("%#04x is %v, want %v", bits, got, want)
		}
	}
	if v := halfToFloat(0x8000); v != 0 || !math.Signbit(v) {
		t.Errorf("negative zero is %v", v)
	}
	if v := halfToFloat(0x7e00); !math.IsNaN(v) {
		t.Errorf("NaN is %v", v)
	}
}

// Positive halves are ordered as their bits are.
func TestHalfToFloatIsMonotone(t *testing.T) {
	for bits := uint16(1); bits <= 0x7c00; bits++ {
		if below, v := halfToFloat(bits-1), halfToFloat(bits); !(below < v) {
			t.Fatalf("%#04x is %v, not above %v", bits, v, below)
		}
		if halfToFloat(bits|0x8000) != -halfToFloat(bits) {
			t.Fatalf("%#04x: sign", bits)
		}
	}
}

func TestNarrow(t *testing.T) {
	for value, want := range map[float64]string{
		1: "", math.MaxFloat32: "", 1e-300: "", 1e39: "1e+39 overflows float32",
		math.Inf(-1): "infinity",
	} {
		if _, reason := narrow(value); reason != want {
			t.Errorf("%v: %q, want %q", value, reason, want)
		}
	}
	if _, reason := narrow(math.NaN()); reason != "NaN" {
		t.Errorf("NaN: %q", reason)
	}
}
