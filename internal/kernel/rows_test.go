package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// overLevels runs f at every level and compares what it returns with want; the
// levels in assembly must give the same bits.
func overLevels(t *testing.T, want []float64, tolerance float64, f func() []float32) {
	t.Helper()
	var bits []float32
	for _, l := range levels() {
		With(l, func() {
			got := f()
			for i := range want {
				if !(math.Abs(float64(got[i])-want[i]) <= tolerance) {
					t.Fatalf("%s: %d of %d is %v, want %v", l, i, len(want), got[i], want[i])
				}
			}
			if l != Generic {
				if bits != nil && !slices.Equal(got, bits) {
					t.Fatalf("%s gives other bits", l)
				}
				bits = got
			}
		})
	}
}

func TestSoftmax(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for n := 1; n < 100; n++ {
		x := random(r, n)
		const scale = 0.3
		want, sum, top := make([]float64, n), 0., float64(slices.Max(x))
		for i := range x {
			want[i] = math.Exp(scale * (float64(x[i]) - top))
			sum += want[i]
		}
		for i := range want {
			want[i] /= sum
		}
		overLevels(t, want, 3e-7, func() []float32 {
			v := slices.Clone(x)
			Softmax(v, scale)
			return v
		})
	}
	for _, l := range levels() {
		With(l, func() {
			inf := float32(math.Inf(1))
			v := slices.Repeat([]float32{2, -inf, -1e30, 2}, 8)
			Softmax(v, 1)
			if v[0] != 1./16 || v[3] != 1./16 || v[1] > 1e-37 || v[2] > 1e-37 {
				t.Errorf("%s: %v", l, v[:4])
			}
			for place := range 32 {
				for _, bad := range []float32{inf, float32(math.NaN())} {
					v := make([]float32, 32)
					v[place] = bad
					if Softmax(v, 1); v[place] == v[place] {
						t.Errorf("%s: %v became %v", l, bad, v[place])
					}
				}
			}
		})
	}
}

func TestAddNorm(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for n := 1; n < 100; n++ {
		x, v, weight, bias := random(r, n), random(r, n), random(r, n), random(r, n)
		const epsilon = 1e-5
		sum, squares := 0., 0.
		for i := range x {
			sum += float64(x[i] + v[i])
		}
		for i := range x {
			d := float64(x[i]+v[i]) - sum/float64(n)
			squares += d * d
		}
		want := make([]float64, n)
		for i := range x {
			want[i] = (float64(x[i]+v[i])-sum/float64(n))/math.Sqrt(squares/float64(n)+epsilon)*float64(weight[i]) + float64(bias[i])
		}
		overLevels(t, want, 2e-6, func() []float32 {
			dst := slices.Clone(x)
			AddNorm(dst, v, weight, bias, epsilon)
			return dst
		})
	}
}

func BenchmarkRows(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y, weight, v := random(r, 384), random(r, 384), random(r, 384), make([]float32, 384)
	for _, l := range levels() {
		b.Run("softmax/"+string(l), func(b *testing.B) {
			With(l, func() {
				for b.Loop() {
					copy(v, x)
					Softmax(v, 1)
				}
			})
		})
		b.Run("norm/"+string(l), func(b *testing.B) {
			With(l, func() {
				for b.Loop() {
					copy(v, x)
					AddNorm(v, y, weight, y, 1e-12)
				}
			})
		})
	}
}
