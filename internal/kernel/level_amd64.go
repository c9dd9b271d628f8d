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
	if l == Generic || len(x) == 0 {
		return dotGeneric(x, w)
	}
	return dotAVX2(len(x), &x[0], &w[0])
}

// dotAheadLevel is dotLevel for an x that was widened; row next of w follows.
func dotAheadLevel(l Level, x []float64, w, next []float32) float64 {
	if l == Generic || len(x) == 0 {
		return dotGeneric(x, w)
	}
	return dotAheadAVX2(len(x), &x[0], &w[0], &next[0])
}

// A shape is a kernel of Matrix.Mul for some rows of a and some columns of a
// panel.
type shape struct {
	rows, columns int
	run           func(k int, a *float32, lda int, w, bias, c *float32, ldc int)
}

// A dotShape is a kernel of Dots for some rows of x and some of w.
type dotShape struct {
	xs, ws int
	run    func(n int, x *float64, ldx int, w *float32, ldw int, dst *float64, ldd int)
}

// The kernels of each level, those for most rows first. Those of Dots take the
// same number of rows of w at one level.
var (
	shapesAVX512    = []shape{{14, 32, tileAVX51214x32}, {8, 32, tileAVX5128x32}, {4, 32, tileAVX5124x32}, {2, 32, tileAVX5122x32}, {1, 32, tileAVX5121x32}}
	shapesAVX2      = []shape{{6, 16, tileAVX26x16}, {3, 32, tileAVX23x32}, {1, 32, tileAVX21x32}}
	dotShapesAVX512 = []dotShape{{6, 4, dotsAVX5126x4}, {2, 4, dotsAVX5122x4}, {1, 4, dotsAVX5121x4}}
	dotShapesAVX2   = []dotShape{{4, 3, dotsAVX24x3}, {1, 3, dotsAVX21x3}}
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

// dotShapes lists the kernels of a level; nil where Go does the work.
func dotShapes(l Level) []dotShape {
	switch l {
	case AVX512:
		return dotShapesAVX512
	case AVX2:
		return dotShapesAVX2
	}
	return nil
}

// packLevel packs the first 8 of rows by a level's kernel. It returns false
// where there is none.
func packLevel(l Level, panel, rows []float32, k, stride int) bool {
	if l == Generic || k == 0 || k%8 != 0 {
		return false
	}
	_, _ = rows[7*stride+k-1], panel[(k-1)*PanelWidth+7]
	packAVX2(k, &rows[0], 4*stride, &panel[0])
	return true
}

// addLevel adds a tile to a Shortlist by a level's kernel and returns the
// length of the longest list.
func addLevel(l Level, s *Shortlist, tile []float32, first int, exist uint32) int {
	switch {
	case l == Generic || len(s.Limits) == 0:
		return s.addGeneric(tile, first, exist)
	case l == AVX512:
		return addAVX512(len(s.Limits), &tile[0], &s.Limits[0], uint32(first), exist, &s.counts[0], &s.scores[0], &s.places[0], s.size)
	default:
		aboveAVX2(len(s.Limits), &tile[0], &s.Limits[0], &s.masks[0])
		return s.addMasked(tile, first, exist)
	}
}

// filterLevel is filterGeneric by a level's kernel.
func filterLevel(l Level, scores []float32, places []uint32, n int, limit float32) int {
	if l == AVX512 && n > 0 {
		return filterAVX512(n, &scores[0], &places[0], limit)
	}
	return filterGeneric(scores[:n], places, limit)
}

// countLevel is Count by a level's kernel, for lengths that are a multiple of
// 16.
func countLevel(l Level, v []float32, limit float32) int {
	switch {
	case l == Generic || len(v) == 0:
		return countGeneric(v, limit)
	case l == AVX512:
		return countAVX512(len(v), &v[0], limit)
	default:
		return countAVX2(len(v), &v[0], limit)
	}
}

// tanhLevel is Tanh by a level's kernel, for lengths that are a multiple of 8.
// It returns false where there is none.
func tanhLevel(l Level, v []float64) bool {
	switch {
	case l == Generic:
		return false
	case len(v) == 0:
	case l == AVX512:
		tanhAVX512(len(v), &v[0])
	default:
		tanhAVX2(len(v), &v[0])
	}
	return true
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

// softmaxLevel is Softmax by a level's kernel, for lengths that are a multiple
// of 16. It returns false where there is none.
func softmaxLevel(l Level, v []float32, scale float32) bool {
	switch {
	case l == Generic || len(v)%step != 0:
		return false
	case len(v) == 0:
	case l == AVX512:
		softmaxAVX512(len(v), &v[0], scale)
	default:
		softmaxAVX2(len(v), &v[0], scale)
	}
	return true
}

// addNormLevel is AddNorm by a level's kernel, as softmaxLevel is Softmax.
func addNormLevel(l Level, dst, v, weight, bias []float32, epsilon float32) bool {
	switch {
	case l == Generic || len(dst)%step != 0:
		return false
	case len(dst) == 0:
	case l == AVX512:
		addNormAVX512(len(dst), &dst[0], &v[0], &weight[0], &bias[0], epsilon)
	default:
		addNormAVX2(len(dst), &dst[0], &v[0], &weight[0], &bias[0], epsilon)
	}
	return true
}
