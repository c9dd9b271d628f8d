package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func wide(x []float32) []float64 {
	w := make([]float64, len(x))
	for i := range x {
		w[i] = float64(x[i])
	}
	return w
}

func TestDotsAreDots(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{0, 1, 31, 32, 64, 96, 100, 384} {
		for range 12 {
			xs, ws := r.IntN(16), r.IntN(12)
			x, w := random(r, xs*n), random(r, ws*n)
			for i := range x { // spread the magnitudes, so that the order shows
				x[i] = float32(math.Ldexp(float64(x[i]), r.IntN(80)-40))
			}
			for _, l := range levels() {
				With(l, func() {
					dst := make([]float64, xs*ws)
					Dots(dst, wide(x), xs, w, ws, n)
					for i := range xs {
						for j := range ws {
							if got, want := dst[i*ws+j], slowDot(x[i*n:][:n], w[j*n:][:n]); got != want {
								t.Fatalf("%s, n=%d: product %d,%d of %d,%d is %v, the definition gives %v", l, n, i, j, xs, ws, got, want)
							}
						}
					}
				})
			}
		}
	}
}

func TestDotRowsAreDots(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, n := range []int{1, 31, 32, 64, 100, 384} {
		x, w := random(r, n), random(r, 9*n)
		for i := range x {
			x[i] = float32(math.Ldexp(float64(x[i]), r.IntN(80)-40))
		}
		rows := []uint32{3, 0, 8, 8, 1}
		for _, l := range levels() {
			With(l, func() {
				dst := make([]float64, len(rows))
				DotRows(dst, wide(x), w, rows)
				for i, row := range rows {
					if want := slowDot(x, w[int(row)*n:][:n]); dst[i] != want {
						t.Errorf("%s, n=%d: product %d is %v, the definition gives %v", l, n, i, dst[i], want)
					}
				}
			})
		}
	}
}

func TestDotsRefusesShortSlices(t *testing.T) {
	four, three := make([]float32, 4), make([]float32, 3)
	for name, call := range map[string]func(){
		"dst": func() { Dots(make([]float64, 3), wide(four), 2, four, 2, 2) },
		"x":   func() { Dots(make([]float64, 4), wide(three), 2, four, 2, 2) },
		"w":   func() { Dots(make([]float64, 4), wide(four), 2, three, 2, 2) },
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

func BenchmarkDots(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{6, 1024, 1024}, {12, 1024, 1024}, {24, 1024, 1024}, {48, 1024, 1024}, {24, 128, 384}, {24, 384, 128}, {1, 128, 384}, {1, 384, 128}} {
		xs, ws, n := s[0], s[1], s[2]
		x, w, dst := wide(random(r, xs*n)), random(r, ws*n), make([]float64, xs*ws)
		for _, l := range levels() {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", xs, ws, n, l), func(b *testing.B) {
				With(l, func() {
					for b.Loop() {
						Dots(dst, x, xs, w, ws, n)
					}
				})
				b.ReportMetric(2*float64(xs*ws*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
