package kernel

import (
	"fmt"
	"sync"
)

// PanelWidth is the number of columns of a panel.
const PanelWidth = 32

// A Matrix is the right-hand side of products, packed for the kernels: k rows
// of n columns, in panels of 32 columns whose rows lie one after the other.
type Matrix struct {
	k, n   int
	panels []float32 // [⌈n/32⌉, k, 32], zeros beyond column n
}

// Pack packs n rows of k numbers that lie stride numbers apart, so that Mul
// multiplies by their transpose: for the weight [n, k] of a linear layer stride
// is k. It reuses the memory of m.
func (m *Matrix) Pack(w []float32, n, k, stride int) {
	m.fit(n, k)
	for j := 0; j < n && k > 0; {
		panel := m.panels[j/PanelWidth*k*PanelWidth+j%PanelWidth:]
		if n-j >= packedAtOnce && packLevel(level, panel, w[j*stride:], k, stride) {
			j += packedAtOnce
			continue
		}
		for p, x := range w[j*stride:][:k] {
			panel[p*PanelWidth] = x
		}
		j++
	}
}

// packedAtOnce is how many rows the kernel of Pack takes.
const packedAtOnce = 8

// PackRows packs k rows of n columns that lie stride numbers apart.
func (m *Matrix) PackRows(rows []float32, n, k, stride int) {
	m.fit(n, k)
	for p := range k {
		row := rows[p*stride:][:n]
		for j := 0; j < n; j += PanelWidth {
			copy(m.panels[(j*k + p*PanelWidth):][:PanelWidth], row[j:])
		}
	}
}

// fit makes m an n by k matrix of zeros.
func (m *Matrix) fit(n, k int) {
	size := (n + PanelWidth - 1) / PanelWidth * PanelWidth * k
	m.n, m.k = n, k
	if cap(m.panels) < size {
		m.panels = make([]float32, size)
		return
	}
	m.panels = m.panels[:size]
	if n%PanelWidth != 0 {
		clear(m.panels[size-PanelWidth*k:])
	}
}

// Mul sets dst [rows, n] to a [rows, k] times m plus bias [n], which may be nil
// for none. Rows of a lie lda numbers apart, those of dst ldc. It panics if a
// slice is too short. It runs on the calling goroutine; several may share out
// the rows of one product, and none may change m meanwhile.
func (m *Matrix) Mul(dst []float32, ldc int, a []float32, lda int, bias []float32, rows int) {
	m.check(dst, ldc, a, lda, bias, rows)
	if rows == 0 || m.n == 0 {
		return
	}
	if lda%aliasing == 0 && rows > 1 {
		scratch := spread(a, lda, rows, m.k)
		defer scratches.Put(scratch)
		a, lda = *scratch, Stride(m.k)
	}
	for j := 0; j < m.n; j += PanelWidth {
		panel, b := m.panels[j*m.k:][:m.k*PanelWidth], noBias
		switch {
		case m.n-j < PanelWidth:
			m.mulEdge(dst[j:], ldc, a, lda, panel, bias, rows)
			return
		case bias != nil:
			b = bias[j:]
		}
		mulPanel(level, dst[j:], ldc, a, lda, panel, b, rows, m.k)
	}
}

// noBias are the biases of a panel that has none.
var noBias = make([]float32, PanelWidth)

// MulPanel sets dst [rows, 32] to a [rows, k] times panel p of m, the columns
// 32·p to 32·p+31, plus the first 32 numbers of bias. Rows of dst lie ldc
// numbers apart, those of a lda, best Stride(k). Columns that m does not have
// are zeros plus bias. It panics if a slice is too short.
func (m *Matrix) MulPanel(dst []float32, ldc, p int, a []float32, lda int, bias []float32, rows int) {
	if p < 0 || p*PanelWidth >= m.n || lda < m.k || ldc < PanelWidth || rows < 1 ||
		len(a) < (rows-1)*lda+m.k || len(dst) < (rows-1)*ldc+PanelWidth || len(bias) < PanelWidth {
		panic(fmt.Sprintf("kernel: %d rows of %d times panel %d of %d by %d with slices of %d, %d and %d", rows, lda, p, m.k, m.n, len(a), len(dst), len(bias)))
	}
	mulPanel(level, dst, ldc, a, lda, m.panels[p*m.k*PanelWidth:][:m.k*PanelWidth], bias, rows, m.k)
}

// Rows that lie a multiple of 1,024 bytes apart meet in the same few sets of
// the nearest cache and push each other out, which halves the speed. They are
// copied to lie a little further apart first.
const (
	aliasing = 256 // numbers
	spacing  = 16
)

// Stride returns how far apart rows of k numbers lie best: k or a little more.
func Stride(k int) int {
	if k%aliasing == 0 {
		return k + spacing
	}
	return k
}

var scratches = sync.Pool{New: func() any { return new([]float32) }}

// spread returns a copy of the rows of a, Stride(k) numbers apart.
func spread(a []float32, lda, rows, k int) *[]float32 {
	scratch := scratches.Get().(*[]float32)
	if size := rows * Stride(k); cap(*scratch) < size {
		*scratch = make([]float32, size)
	}
	*scratch = (*scratch)[:cap(*scratch)]
	for i := range rows {
		copy((*scratch)[i*Stride(k):], a[i*lda:][:k])
	}
	return scratch
}

// check panics where a kernel would read or write beyond a slice.
func (m *Matrix) check(dst []float32, ldc int, a []float32, lda int, bias []float32, rows int) {
	last := max(rows-1, 0)
	if rows < 0 || lda < m.k || ldc < m.n || rows > 0 && (len(a) < last*lda+m.k || len(dst) < last*ldc+m.n) || bias != nil && len(bias) < m.n {
		panic(fmt.Sprintf("kernel: %d rows of %d times %d by %d with slices of %d, %d and %d", rows, lda, m.k, m.n, len(a), len(dst), len(bias)))
	}
}

// mulEdge multiplies by the last panel, of which not all columns exist.
func (m *Matrix) mulEdge(dst []float32, ldc int, a []float32, lda int, panel, bias []float32, rows int) {
	const some = 14 // rows at a time
	columns := m.n % PanelWidth
	b := make([]float32, PanelWidth)
	if bias != nil {
		copy(b, bias[m.n-columns:m.n])
	}
	tile := make([]float32, some*PanelWidth)
	for i := 0; i < rows; i += some {
		now := min(some, rows-i)
		mulPanel(level, tile, PanelWidth, a[i*lda:], lda, panel, b, now, m.k)
		for r := range now {
			copy(dst[(i+r)*ldc:][:columns], tile[r*PanelWidth:])
		}
	}
}

// mulPanel multiplies rows of a by one panel.
func mulPanel(l Level, dst []float32, ldc int, a []float32, lda int, panel, bias []float32, rows, k int) {
	kernels := shapes(l)
	if kernels == nil || k == 0 {
		mulGeneric(dst, ldc, a, lda, panel, bias, rows, k)
		return
	}
	i := 0
	for _, s := range kernels {
		for ; rows-i >= s.rows; i += s.rows {
			for j := 0; j < PanelWidth; j += s.columns {
				s.run(k, &a[i*lda], lda*4, &panel[j], &bias[j], &dst[i*ldc+j], ldc*4)
			}
		}
	}
}

// mulGeneric is mulPanel in Go, eight columns at a time.
func mulGeneric(dst []float32, ldc int, a []float32, lda int, panel, bias []float32, rows, k int) {
	for i := range rows {
		row := a[i*lda:][:k]
		out := dst[i*ldc:][:PanelWidth]
		for j := 0; j < PanelWidth; j += 8 {
			var s0, s1, s2, s3, s4, s5, s6, s7 float32
			for p, x := range row {
				w := (*[8]float32)(panel[p*PanelWidth+j:])
				s0 += float32(x * w[0])
				s1 += float32(x * w[1])
				s2 += float32(x * w[2])
				s3 += float32(x * w[3])
				s4 += float32(x * w[4])
				s5 += float32(x * w[5])
				s6 += float32(x * w[6])
				s7 += float32(x * w[7])
			}
			o, b := (*[8]float32)(out[j:]), (*[8]float32)(bias[j:])
			o[0], o[1], o[2], o[3] = s0+b[0], s1+b[1], s2+b[2], s3+b[3]
			o[4], o[5], o[6], o[7] = s4+b[4], s5+b[5], s6+b[6], s7+b[7]
		}
	}
}
