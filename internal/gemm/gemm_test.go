package gemm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// random returns n normal numbers.
func random(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

// naive is the sum as the package comment states it.
func naive(a, w, bias []float32, m, n, k int) []float32 {
	dst := make([]float32, m*n)
	for i := range m {
		for j := range n {
			var s float32
			for p := range k {
				s += float32(a[i*k+p] * w[j*k+p])
			}
			if bias != nil {
				s += bias[j]
			}
			dst[i*n+j] = s
		}
	}
	return dst
}

func TestMulTIsTheStatedSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		m, n, k := r.IntN(40), r.IntN(20), r.IntN(50)
		a, w, bias := random(r, m*k), random(r, n*k), random(r, n)
		if r.IntN(3) == 0 {
			bias = nil
		}
		dst := random(r, m*n)
		MulT(dst, a, w, bias, m, n, k)
		if want := naive(a, w, bias, m, n, k); !slices.Equal(dst, want) {
			t.Fatalf("m=%d n=%d k=%d: got %v, want %v", m, n, k, dst, want)
		}
	}
}

func TestMulTRowsStandAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const m, n, k = 37, 23, 65
	a, w, bias := random(r, m*k), random(r, n*k), random(r, n)
	whole := make([]float32, m*n)
	MulT(whole, a, w, bias, m, n, k)
	for lo := 0; lo < m; {
		rows := min(1+r.IntN(9), m-lo)
		part := make([]float32, rows*n)
		MulT(part, a[lo*k:], w, bias, rows, n, k)
		if !slices.Equal(part, whole[lo*n:(lo+rows)*n]) {
			t.Fatalf("rows %d to %d differ from those of the whole product", lo, lo+rows)
		}
		lo += rows
	}
}

func TestMulTRefusesShortSlices(t *testing.T) {
	for name, call := range map[string]func(){
		"dst":  func() { MulT(make([]float32, 3), make([]float32, 4), make([]float32, 4), nil, 2, 2, 2) },
		"a":    func() { MulT(make([]float32, 4), make([]float32, 3), make([]float32, 4), nil, 2, 2, 2) },
		"w":    func() { MulT(make([]float32, 4), make([]float32, 4), make([]float32, 3), nil, 2, 2, 2) },
		"bias": func() { MulT(make([]float32, 4), make([]float32, 4), make([]float32, 4), make([]float32, 1), 2, 2, 2) },
		"m":    func() { MulT(nil, nil, nil, nil, -1, 2, 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s too short: no panic", name)
				}
			}()
			call()
		}()
	}
}

func BenchmarkMulT(b *testing.B) {
	for _, s := range [][3]int{{128, 384, 384}, {128, 1536, 384}, {128, 384, 1536}, {1, 1536, 384}} {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			a, w, bias, dst := random(r, m*k), random(r, n*k), random(r, n), make([]float32, m*n)
			for b.Loop() {
				MulT(dst, a, w, bias, m, n, k)
			}
			flop := 2 * float64(m) * float64(n) * float64(k) * float64(b.N)
			b.ReportMetric(flop/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
