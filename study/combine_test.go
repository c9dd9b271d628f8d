package study

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestCombine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const dim, n = 37, 11
	matrix := flat(randomRows(5, n, dim))
	for used := range n {
		rows, coefficients := make([]uint32, used), make([]float32, used)
		dst, want := make([]float32, dim), make([]float64, dim)
		for i := range want {
			dst[i] = 1
			want[i] = 1
		}
		for i := range rows {
			rows[i], coefficients[i] = uint32(r.IntN(n)), float32(r.NormFloat64())
			for d := range want {
				want[d] += float64(coefficients[i]) * float64(matrix[int(rows[i])*dim+d])
			}
		}
		combine(dst, coefficients, rows, matrix)
		for d := range want {
			if math.Abs(float64(dst[d])-want[d]) > 1e-5 {
				t.Fatalf("%d rows: %v, want %v", used, dst[d], want[d])
			}
		}
	}
}

func BenchmarkCombine(b *testing.B) {
	const dim = 384
	matrix, dst := flat(randomRows(5, 1024, dim)), make([]float32, dim)
	rows, coefficients := make([]uint32, 32), make([]float32, 32)
	for i := range rows {
		rows[i] = uint32(31 * i)
	}
	for b.Loop() {
		combine(dst, coefficients, rows, matrix)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/row")
}
