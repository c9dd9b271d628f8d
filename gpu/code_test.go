package gpu

import (
	"math"
	"reflect"
	"testing"
)

func TestAbove(t *testing.T) {
	code := Code{[]uint32{1, 4, 9}, []float32{0.5, 0.1, 0.7}}
	for tau, want := range map[float32][]uint32{0: {1, 4, 9}, 0.1: {1, 9}, 0.5: {9}, 1: nil, float32(math.Inf(1)): nil} {
		if got := code.Above(tau).Features; !reflect.DeepEqual(append([]uint32(nil), got...), want) {
			t.Errorf("Above(%v) keeps %v, want %v", tau, got, want)
		}
	}
}
