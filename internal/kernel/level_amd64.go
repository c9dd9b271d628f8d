package kernel

import "golang.org/x/sys/cpu"

// best returns the best level that the CPU has.
func best() Level {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasFMA:
		return AVX512
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return AVX2
	}
	return Generic
}

// dotLevel is Dot by a level's kernel, for lengths that are a multiple of 32.
func dotLevel(l Level, x, w []float32) float64 {
	if len(x) == 0 {
		return 0
	}
	switch l {
	case AVX512:
		return dotAVX512(len(x), &x[0], &w[0])
	case AVX2:
		return dotAVX2(len(x), &x[0], &w[0])
	}
	return dotGeneric(x, w)
}

// A shape is a kernel for some rows of a and some columns of a panel.
type shape struct {
	rows, columns int
	run           func(k int, a *float32, lda int, w, bias, c *float32, ldc int)
}

// The kernels of each level, those for most rows first.
var (
	shapesAVX512 = []shape{{14, 32, tileAVX51214x32}, {8, 32, tileAVX5128x32}, {4, 32, tileAVX5124x32}, {2, 32, tileAVX5122x32}, {1, 32, tileAVX5121x32}}
	shapesAVX2   = []shape{{6, 16, tileAVX26x16}, {3, 32, tileAVX23x32}, {1, 32, tileAVX21x32}}
)

// shapes lists the kernels of a level; nil where Go does the work.
func shapes(l Level) []shape {
	switch l {
	case AVX512:
		return shapesAVX512
	case AVX2:
		return shapesAVX2
	}
	return nil
}

// geluLevel is Gelu by a level's kernel, for lengths that are a multiple of
// 16. It returns false where there is none.
func geluLevel(l Level, v []float32) bool {
	switch {
	case l == Generic:
		return false
	case len(v) == 0:
	case l == AVX512:
		geluAVX512(len(v), &v[0])
	default:
		geluAVX2(len(v), &v[0])
	}
	return true
}

// expLevel is Exp by a level's kernel, as geluLevel is Gelu.
func expLevel(l Level, v []float32, top float32) bool {
	switch {
	case l == Generic:
		return false
	case len(v) == 0:
	case l == AVX512:
		expAVX512(len(v), &v[0], top)
	default:
		expAVX2(len(v), &v[0], top)
	}
	return true
}
