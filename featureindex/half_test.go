package featureindex

import (
	"math"
	"testing"
)

func TestHalf(t *testing.T) {
	for bits := uint16(1); bits < 0x7c00; bits++ {
		v := fromHalf(bits)
		if got, ok := toHalf(v); !ok || got != bits {
			t.Fatalf("%#x is %v, is %#x", bits, v, got)
		}
		if bits == 1 {
			continue
		}
		below, middle := fromHalf(bits-1), (fromHalf(bits-1)+v)/2
		if !(below < v) {
			t.Fatalf("%v after %v", v, below)
		}
		even := bits &^ 1
		if bits&1 == 1 {
			even = bits - 1
		}
		if got, _ := toHalf(middle); got != even && !(bits == 2 && got <= 2) {
			t.Fatalf("%v is %#x, want %#x", middle, got, even)
		}
		if got, _ := toHalf(math.Nextafter32(middle, v)); got != bits {
			t.Fatalf("above %v is %#x, want %#x", middle, got, bits)
		}
	}
	for v, want := range map[float32]uint16{1: 0x3c00, maxHalf: 0x7bff, 65519: 0x7bff, 1e-45: 1, 1e-10: 1} {
		if got, ok := toHalf(v); !ok || got != want {
			t.Errorf("%v is %#x, want %#x", v, got, want)
		}
	}
	for _, v := range []float32{65520, 1e30} {
		if _, ok := toHalf(v); ok {
			t.Errorf("%v fits", v)
		}
	}
}
