package embed

import (
	"math"
	"slices"
	"testing"
)

func TestPooling(t *testing.T) {
	rows := []float32{3, 0, 0, 4, -3, 8} // three rows of two numbers
	for mode, want := range map[pooling][]float64{
		poolMean:     {0, 1},
		poolCLS:      {1, 0},
		poolMax:      {3 / math.Sqrt(73), 8 / math.Sqrt(73)},
		poolMeanSqrt: {0, 1},
	} {
		got := make([]float32, 2)
		if !mode.pool(got, rows) || got[0] != float32(want[0]) || got[1] != float32(want[1]) {
			t.Errorf("mode %d: got %v, want %v", mode, got, want)
		}
	}
}

func TestPoolingOfOddNumbers(t *testing.T) {
	got := []float32{1, 1}
	if !poolMean.pool(got, []float32{0, 0}) || !slices.Equal(got, []float32{0, 0}) {
		t.Errorf("zeros became %v", got)
	}
	if !poolMean.pool(got, []float32{math.MaxFloat32, math.MaxFloat32}) || math.Abs(float64(got[0])-math.Sqrt2/2) > 1e-7 {
		t.Errorf("huge numbers became %v", got)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		for mode := poolMean; mode <= poolMeanSqrt; mode++ {
			if mode.pool(got, []float32{float32(bad), 1, 2, 3}) {
				t.Errorf("%v pooled by mode %d is %v", bad, mode, got)
			}
		}
	}
}
