package gpu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// encodeBlock is how many rows are screened together: enough to use each panel
// of the encoder several times while it is in cache, and a multiple of the
// rows that the widest kernel takes.
const encodeBlock = 56

// Encode returns the TopK code of each row of x: the K largest positive
// activations, ties to the lower feature.
func (e *Engine) Encode(ctx context.Context, x [][]float32) ([]Code, error) {
	return e.encodeAnywhere(ctx, x, e.sae.K, 0, func(x [][]float32) ([]Code, error) {
		return e.encode(ctx, x, func(screen *screening) []activation {
			found := screen.largest(e.sae.K)
			slices.SortFunc(found, func(a, b activation) int {
				return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.feature, b.feature))
			})
			return found[:min(e.sae.K, len(found))]
		})
	})
}

// EncodeThreshold returns the code of each row of x in threshold mode: every
// positive activation above the SAE's Threshold, however many there are.
func (e *Engine) EncodeThreshold(ctx context.Context, x [][]float32) ([]Code, error) {
	threshold := max(e.sae.Threshold, 0)
	return e.encodeAnywhere(ctx, x, 0, threshold, func(x [][]float32) ([]Code, error) {
		return e.encode(ctx, x, func(screen *screening) []activation {
			found := screen.above(float64(threshold))
			return slices.DeleteFunc(found, func(a activation) bool { return !(a.value > threshold) })
		})
	})
}

// An activation is one feature's activation for the row at hand.
type activation struct {
	feature uint32
	value   float32
}

// encode screens x block by block and lets pick choose from each row.
func (e *Engine) encode(ctx context.Context, x [][]float32, pick func(*screening) []activation) ([]Code, error) {
	if err := e.checkRows(x); err != nil {
		return nil, err
	}
	codes := make([]Code, len(x))
	err := e.eachBlock(ctx, len(x), encodeBlock, func(from, to int) error {
		scores := make([]float32, (to-from)*e.sae.Features)
		centred := e.centre(x[from:to])
		e.screen.Mul(scores, e.sae.Features, centred, e.sae.Dim, e.sae.EncoderBias, to-from)
		for i := range to - from {
			row := centred[i*e.sae.Dim:][:e.sae.Dim]
			screen := screening{engine: e, x: row, scores: scores[i*e.sae.Features:][:e.sae.Features]}
			screen.bound = e.screenBound(row)
			if math.IsInf(screen.bound, 0) {
				return &RowError{from + i, errors.New("the vector minus the decoder bias is too large for float32")}
			}
			found := pick(&screen)
			for _, a := range found {
				if math.IsInf(float64(a.value), 0) {
					return &RowError{from + i, fmt.Errorf("the activation of feature %d is too large for float32", a.feature)}
				}
			}
			codes[from+i] = newCode(found)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// centre returns the rows minus the decoder bias, in float32, one after another.
func (e *Engine) centre(x [][]float32) []float32 {
	centred := make([]float32, 0, len(x)*e.sae.Dim)
	for _, row := range x {
		for at, bias := range e.sae.DecoderBias {
			centred = append(centred, row[at]-bias)
		}
	}
	return centred
}

func newCode(found []activation) Code {
	slices.SortFunc(found, func(a, b activation) int { return cmp.Compare(a.feature, b.feature) })
	code := Code{make([]uint32, len(found)), make([]float32, len(found))}
	for i, a := range found {
		code.Features[i], code.Activations[i] = a.feature, a.value
	}
	return code
}

// A screening holds one row's float32 scores, each within bound of the
// activation it stands for.
type screening struct {
	engine *Engine
	x      []float32 // centred
	scores []float32 // [Features]
	bound  float64
}

// screenBound is the largest distance between a float32 score of the centred
// row x and the activation (before ReLU).
//
// With u = 2⁻²⁴ and γ_n = n·u/(1−n·u), a float32 sum of m products is within
// γ_m·Σ|x_i·w_i| ≤ γ_m·‖x‖·‖w‖ of the true one, in any order and with or
// without fused operations (Higham, Accuracy and Stability of Numerical
// Algorithms, 3.1). Adding the bias and rounding the activation itself to
// float32 cost at most three more u of ‖x‖·‖w‖ + |b|. The last term covers
// products too small for a normal float32.
func (e *Engine) screenBound(x []float32) float64 {
	n := float64(len(x) + 6)
	const u = 0x1p-24
	gamma := n * u / (1 - n*u)
	return gamma*(math.Sqrt(Dot(x, x))*e.maxRowNorm+e.maxBias) + n*0x1p-149
}

// usable reports whether the scores are far enough from float32's limits for
// the bound to hold.
func (s *screening) usable() bool {
	return s.bound < 1e30
}

// largest returns the activations of all features that can be among the k
// largest, and possibly more; none that is not positive.
func (s *screening) largest(k int) []activation {
	if !s.usable() {
		return s.above(0)
	}
	return s.above(float64(kthLargest(s.scores, k)) - s.bound)
}

// above returns the activations of all features that can be above limit, and
// possibly more; none that is not positive.
func (s *screening) above(limit float64) []activation {
	lowest := math.Inf(-1)
	if s.usable() {
		lowest = max(limit, 0) - s.bound
	}
	sae := s.engine.sae
	found := make([]activation, 0, 2*sae.K)
	for j, score := range s.scores {
		if float64(score) < lowest {
			continue
		}
		pre := Dot(s.x, sae.EncoderWeight[j*sae.Dim:][:sae.Dim]) + float64(sae.EncoderBias[j])
		if value := float32(pre); value > 0 {
			found = append(found, activation{uint32(j), value})
		}
	}
	return found
}

// kthLargest returns the k-th largest of the scores, 1 ≤ k ≤ len(scores), by
// a heap of the k largest so far with the smallest on top.
func kthLargest(scores []float32, k int) float32 {
	heap := slices.Clone(scores[:k])
	for i := k/2 - 1; i >= 0; i-- {
		siftDown(heap, i)
	}
	for _, score := range scores[k:] {
		if score > heap[0] {
			heap[0] = score
			siftDown(heap, 0)
		}
	}
	return heap[0]
}

func siftDown(heap []float32, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child+1] < heap[child] {
			child++
		}
		if heap[i] <= heap[child] {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
