package study

import (
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/kernel"
)

// A loss is one of the two that a dictionary has: codes, what they leave of the
// rows, and the gradients that come of it.
type loss struct {
	scale     float32    // of all gradients
	left      []float32  // [rows, dim], reconstruction − what is to be reconstructed
	codes     []gpu.Code // of the rows
	slopes    [][]float32
	byFeature uses
}

// uses are the places of features in codes, feature by feature.
type uses struct {
	ends        []int32 // of each feature, where its uses end and the next one's begin
	rows        []uint32
	activations []float32
	slopes      []float32 // ⟨left, w_j⟩: with scale, the gradient of the activation
}

// reconstruct adds the reconstructions of the codes to left, computes the
// slopes, and returns the sum of squares of what is left then.
func (l *loss) reconstruct(decoder []float32, dim, threads int) (sum float64) {
	l.slopes = resize(l.slopes, len(l.codes))
	squares := make([]float64, len(l.codes))
	share(threads, len(l.codes), 32, func(from, to int) error {
		for i := from; i < to; i++ {
			left, code := l.left[i*dim:][:dim], l.codes[i]
			combine(left, code.Activations, code.Features, decoder)
			squares[i] = kernel.Dot(left, left)
			l.slopes[i] = resize(l.slopes[i], len(code.Features))
			for at, j := range code.Features {
				l.slopes[i][at] = float32(kernel.Dot(left, decoder[int(j)*dim:][:dim]))
			}
		}
		return nil
	})
	for _, s := range squares {
		sum += s
	}
	return sum
}

// collect sorts the codes by feature.
func (u *uses) collect(l *loss, features int) {
	u.ends = resize(u.ends, features)
	clear(u.ends)
	total := 0
	for _, code := range l.codes {
		total += len(code.Features)
		for _, j := range code.Features {
			u.ends[j]++
		}
	}
	begin := int32(0)
	for j, n := range u.ends { // the ends are the beginnings at first, and move
		u.ends[j] = begin
		begin += n
	}
	u.rows, u.activations, u.slopes = resize(u.rows, total), resize(u.activations, total), resize(u.slopes, total)
	for i, code := range l.codes {
		for at, j := range code.Features {
			to := u.ends[j]
			u.ends[j]++
			u.rows[to], u.activations[to], u.slopes[to] = uint32(i), code.Activations[at], l.slopes[i][at]
		}
	}
}

// of returns the uses of feature j.
func (u *uses) of(j int) (rows []uint32, activations, slopes []float32) {
	begin, end := int32(0), u.ends[j]
	if j > 0 {
		begin = u.ends[j-1]
	}
	return u.rows[begin:end], u.activations[begin:end], u.slopes[begin:end]
}

// gradient adds to dec and enc the gradients of decoder column and encoder row of
// feature number j of the loss, and returns that of its bias.
func (l *loss) gradient(j int, centred, dec, enc []float32) (bias float32) {
	rows, activations, slopes := l.byFeature.of(j)
	for i, slope := range slopes {
		activations[i] *= l.scale
		slopes[i] = float32(slope * l.scale)
		bias += slopes[i]
	}
	combine(dec, activations, rows, l.left)
	combine(enc, slopes, rows, centred)
	return bias
}
