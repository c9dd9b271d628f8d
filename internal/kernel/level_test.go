package kernel

import "testing"

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		forced     string
		best, want Level
		fails      bool
	}{
		{"", AVX512, AVX512, false}, {"", Generic, Generic, false},
		{"generic", AVX512, Generic, false}, {"avx2", AVX512, AVX2, false}, {"avx512", AVX512, AVX512, false},
		{"avx512", AVX2, AVX2, true}, {"avx2", Generic, Generic, true}, {"neon", AVX2, AVX2, true},
	} {
		if got, err := choose(c.forced, c.best); got != c.want || (err != nil) != c.fails {
			t.Errorf("forced %q of up to %s: %s, %v", c.forced, c.best, got, err)
		}
	}
}
