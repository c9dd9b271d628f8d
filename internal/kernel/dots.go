package kernel

import "fmt"

// Dots sets dst [xs, ws] to the Dot of each of the xs rows of x with each of
// the ws rows of w, bit for bit. The numbers of x are float32 that were widened
// before. All rows of x and w have n numbers and follow each other. It panics
// if a slice is too short.
func Dots(dst, x []float64, xs int, w []float32, ws, n int) {
	if xs < 0 || ws < 0 || n < 0 || len(x) < xs*n || len(w) < ws*n || len(dst) < xs*ws {
		panic(fmt.Sprintf("kernel: products of %d and %d rows of %d with slices of %d, %d and %d", xs, ws, n, len(x), len(w), len(dst)))
	}
	j := 0
	if kernels := dotShapes(level); kernels != nil && n > 0 && n%lanes == 0 {
		// A few rows of w stay in the nearest cache while all of x passes by.
		for few := kernels[0].ws; ws-j >= few; j += few {
			i := 0
			for _, s := range kernels {
				for ; xs-i >= s.xs; i += s.xs {
					s.run(n, &x[i*n], 8*n, &w[j*n], 4*n, &dst[i*ws+j], 8*ws)
				}
			}
		}
	}
	for ; j < ws; j++ {
		for i := range xs {
			dst[i*ws+j] = dotGeneric(x[i*n:][:n], w[j*n:][:n])
		}
	}
}

// DotRows sets dst[i] to the Dot of x, widened, with row rows[i] of w, whose
// rows are as long as x and follow each other.
func DotRows(dst, x []float64, w []float32, rows []uint32) {
	n := len(x)
	for i, row := range rows {
		here := w[int(row)*n:][:n]
		if n%lanes != 0 {
			dst[i] = dotGeneric(x, here)
			continue
		}
		next := here
		if i+2 < len(rows) {
			next = w[int(rows[i+2])*n:][:n]
		}
		dst[i] = dotAheadLevel(level, x, here, next)
	}
}
