// Package gemm multiplies float32 matrices the way a linear layer does:
//
//	dst[i][j] = Σ_p a[i][p]·w[j][p] + bias[j]
//
// that is dst = a·wᵀ + bias with a [m, k], w [n, k] and dst [m, n], all
// row-major and without gaps. The rows of w lie along k, as PyTorch stores
// the weight of a linear layer, so that nothing needs packing.
//
// # Order of the sum
//
// Within one process each element of dst depends on its row of a, its row of
// w and its bias alone: it is the sum of the k products in increasing p, taken
// into one float32 that starts at zero, every product rounded to float32
// before it is added, and the bias added last. Neither m nor n, nor where the
// row stands, nor how a caller shares the rows out among goroutines changes a
// bit of it.
package gemm

import "fmt"

// rowTile is how many rows of a meet one block of six rows of w before the
// next block is read: they stay in the nearest caches meanwhile.
const rowTile = 16

// MulT sets dst = a·wᵀ + bias for a [m, k], w [n, k], bias [n] and dst [m, n];
// bias may be nil for none. It reads and writes the leading m·k, n·k, n and
// m·n numbers, and panics if a slice is shorter than that. dst must not
// overlap the others. It runs on the calling goroutine; several may share out
// the rows of one product.
func MulT(dst, a, w, bias []float32, m, n, k int) {
	if m < 0 || n < 0 || k < 0 || len(dst) < m*n || len(a) < m*k || len(w) < n*k || (bias != nil && len(bias) < n) {
		panic(fmt.Sprintf("gemm: m=%d n=%d k=%d with slices of %d, %d, %d and %d", m, n, k, len(dst), len(a), len(w), len(bias)))
	}
	for i := 0; i < m; i += rowTile {
		rows := min(rowTile, m-i)
		mulTile(dst[i*n:], a[i*k:], w, bias, rows, n, k)
	}
}

// mulTile is MulT for a few rows: it walks down w once, six rows at a time.
func mulTile(dst, a, w, bias []float32, m, n, k int) {
	j := 0
	for ; j+6 <= n; j += 6 {
		w0, w1, w2 := w[j*k:][:k], w[(j+1)*k:][:k], w[(j+2)*k:][:k]
		w3, w4, w5 := w[(j+3)*k:][:k], w[(j+4)*k:][:k], w[(j+5)*k:][:k]
		for i := range m {
			d := (*[6]float32)(dst[i*n+j:])
			dot6(d, a[i*k:][:k], w0, w1, w2, w3, w4, w5)
			if bias != nil {
				add6(d, (*[6]float32)(bias[j:]))
			}
		}
	}
	for ; j < n; j++ {
		var b float32
		if bias != nil {
			b = bias[j]
		}
		for i := range m {
			dst[i*n+j] = dot(a[i*k:][:k], w[j*k:][:k]) + b
		}
	}
}

// add6 adds the biases to six elements.
func add6(d, b *[6]float32) {
	d[0] += b[0]
	d[1] += b[1]
	d[2] += b[2]
	d[3] += b[3]
	d[4] += b[4]
	d[5] += b[5]
}
