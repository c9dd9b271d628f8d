package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// levels are those that this CPU has.
func levels() []Level {
	all := []Level{Generic, AVX2, AVX512}
	return all[:slices.Index(all, best())+1]
}

// random returns n normal numbers.
func random(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

// stated is the sum as the package comment states it, fused or not. A fused
// product and sum of float32 is exact in float64 before it is rounded, unless
// it lies half-way, which random numbers do not.
func stated(fused bool, a, w []float32, bias float32) float32 {
	var s float32
	for p := range a {
		if fused {
			s = float32(math.FMA(float64(a[p]), float64(w[p]), float64(s)))
		} else {
			s += float32(a[p] * w[p])
		}
	}
	return s + bias
}

func TestMulIsTheStatedSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rows, n, k := r.IntN(40), r.IntN(100), r.IntN(50)
		lda, ldc := k+r.IntN(3), n+r.IntN(3)
		if r.IntN(4) == 0 {
			lda = aliasing
		}
		a, w, bias := random(r, rows*lda), random(r, n*k), random(r, n)
		if r.IntN(3) == 0 {
			bias = nil
		}
		for _, l := range levels() {
			With(l, func() {
				var m Matrix
				m.Pack(random(r, 40*40), 40, 40, 40) // what is reused must not show
				m.Pack(w, n, k, k)
				dst := random(r, rows*ldc)
				before := slices.Clone(dst)
				m.Mul(dst, ldc, a, lda, bias, rows)
				for i := range dst {
					row, j := i/ldc, i%ldc
					if j >= n {
						if dst[i] != before[i] {
							t.Fatalf("%s: column %d of %d was written", l, j, n)
						}
						continue
					}
					b := float32(0)
					if bias != nil {
						b = bias[j]
					}
					if want := stated(l != Generic, a[row*lda:][:k], w[j*k:][:k], b); dst[i] != want {
						t.Fatalf("%s: rows=%d n=%d k=%d: element %d,%d is %v, want %v", l, rows, n, k, row, j, dst[i], want)
					}
				}
			})
		}
	}
}

func TestMulRowsStandAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const rows, n, k = 61, 83, 65
	a, w, bias := random(r, rows*k), random(r, n*k), random(r, n)
	for _, l := range levels() {
		With(l, func() {
			var m Matrix
			m.Pack(w, n, k, k)
			whole := make([]float32, rows*n)
			m.Mul(whole, n, a, k, bias, rows)
			for lo := 0; lo < rows; {
				some := min(1+r.IntN(20), rows-lo)
				part := make([]float32, some*n)
				m.Mul(part, n, a[lo*k:], k, bias, some)
				if !slices.Equal(part, whole[lo*n:(lo+some)*n]) {
					t.Fatalf("%s: rows %d to %d differ from those of the whole product", l, lo, lo+some)
				}
				lo += some
			}
		})
	}
}

func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 100 {
		n, k := 1+r.IntN(70), 1+r.IntN(50)
		if round%2 == 0 {
			k = k &^ 7
		}
		stride := max(n, k) + r.IntN(5)
		rows := random(r, n*stride)
		columns := make([]float32, k*stride) // the same, with rows and columns exchanged
		for j := range n {
			for p := range k {
				columns[p*stride+j] = rows[j*stride+p]
			}
		}
		for _, l := range levels() {
			With(l, func() {
				var a, b Matrix
				a.Pack(random(r, 90*90), 90, 90, 90) // what is reused must not show
				a.Pack(rows, n, k, stride)
				b.PackRows(columns, n, k, stride)
				if !slices.Equal(a.panels, b.panels) {
					t.Fatalf("%s: n=%d k=%d: packed otherwise", l, n, k)
				}
				for p := range k {
					for j := range n {
						if got, want := a.panels[j/PanelWidth*k*PanelWidth+p*PanelWidth+j%PanelWidth], rows[j*stride+p]; got != want {
							t.Fatalf("%s: n=%d k=%d: %d,%d is %v, want %v", l, n, k, p, j, got, want)
						}
					}
				}
			})
		}
	}
}

func TestMulRefusesShortSlices(t *testing.T) {
	var m Matrix
	m.Pack(make([]float32, 4), 2, 2, 2)
	four, three := make([]float32, 4), make([]float32, 3)
	for name, call := range map[string]func(){
		"dst":  func() { m.Mul(three, 2, four, 2, nil, 2) },
		"a":    func() { m.Mul(four, 2, three, 2, nil, 2) },
		"bias": func() { m.Mul(four, 2, four, 2, make([]float32, 1), 2) },
		"lda":  func() { m.Mul(four, 2, four, 1, nil, 2) },
		"ldc":  func() { m.Mul(four, 1, four, 2, nil, 2) },
		"rows": func() { m.Mul(four, 2, four, 2, nil, -1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

func BenchmarkMul(b *testing.B) {
	for _, s := range [][3]int{{128, 384, 384}, {128, 1536, 384}, {128, 384, 1536}, {56, 4096, 384}, {56, 32768, 1024}, {1, 4096, 384}, {128, 32, 128}} {
		rows, n, k := s[0], s[1], s[2]
		r := rand.New(rand.NewPCG(1, 2))
		a, w, bias, dst := random(r, rows*k), random(r, n*k), random(r, n), make([]float32, rows*n)
		for _, l := range levels() {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", rows, n, k, l), func(b *testing.B) {
				var m Matrix
				m.Pack(w, n, k, k)
				With(l, func() {
					for b.Loop() {
						m.Mul(dst, n, a, k, bias, rows)
					}
				})
				flop := 2 * float64(rows) * float64(n) * float64(k) * float64(b.N)
				b.ReportMetric(flop/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

func BenchmarkPack(b *testing.B) {
	w := make([]float32, 4096*384)
	var m Matrix
	b.SetBytes(4 * 4096 * 384)
	for b.Loop() {
		m.Pack(w, 4096, 384, 384)
	}
}
