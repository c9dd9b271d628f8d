package study

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// A network is an internalizer in training: its weights, their gradients and
// Adam's state, and what forward leaves for backward. Matrices are row by row.
type network struct {
	dim, hidden int
	threads     int
	weights     [4]layerWeights // W1, b1, W2, b2

	rows  int       // of the batch
	h     []float32 // [rows, hidden], tanh(W1·z + b1)
	y     []float32 // [rows, dim], the views
	norms []float64 // what the views were divided by

	dy, dh  []float32 // gradients of the output layer's and the hidden layer's sums
	turned  []float32 // scratch: a transpose
	packed  kernel.Matrix
	widened []float64 // scratch of tanh
}

// layerWeights are the numbers of one tensor.
type layerWeights struct {
	w, gradient []float32
	state       adam
}

// The tensors of a network.
const (
	w1 = iota
	b1
	w2
	b2
)

// newNetwork makes a network of random weights as torch's Linear does: between
// ±1/√inputs, biases too.
func newNetwork(dim, hidden int, seed uint64, threads int) *network {
	n := &network{dim: dim, hidden: hidden, threads: threads}
	random := rand.New(rand.NewPCG(seed, streamWeights))
	for i, size := range [4]int{w1: hidden * dim, b1: hidden, w2: dim * hidden, b2: dim} {
		inputs := dim
		if i >= w2 {
			inputs = hidden
		}
		w := make([]float32, size)
		for j := range w {
			w[j] = float32((2*random.Float64() - 1) / math.Sqrt(float64(inputs)))
		}
		n.weights[i] = layerWeights{w, make([]float32, size), newAdam(size)}
	}
	return n
}

// copy returns the weights as they are now.
func (n *network) copy() *model.Internalizer {
	of := func(i int) []float32 { return slices.Clone(n.weights[i].w) }
	return &model.Internalizer{Dim: n.dim, Hidden: n.hidden, W1: of(w1), B1: of(b1), W2: of(w2), B2: of(b2)}
}

// view returns the view of row i of the last forward.
func (n *network) view(i int) []float32 { return n.y[i*n.dim:][:n.dim] }

// forward computes the views of the rows of z.
func (n *network) forward(z []float32, rows int) {
	n.rows = rows
	n.h, n.y = resize(n.h, rows*n.hidden), resize(n.y, rows*n.dim)
	n.norms = resize(n.norms, rows)
	n.packed.Pack(n.weights[w1].w, n.hidden, n.dim, n.dim)
	n.multiply(n.h, z, n.weights[b1].w, rows, n.dim, n.hidden)
	n.widened = resize(n.widened, len(n.h))
	share(n.threads, len(n.h), 1<<14, func(from, to int) error {
		for i, x := range n.h[from:to] {
			n.widened[from+i] = float64(x)
		}
		kernel.TanhAll(n.widened[from:to])
		for i, x := range n.widened[from:to] {
			n.h[from+i] = float32(x)
		}
		return nil
	})
	n.packed.Pack(n.weights[w2].w, n.dim, n.hidden, n.hidden)
	n.multiply(n.y, n.h, n.weights[b2].w, rows, n.hidden, n.dim)
	for i := range rows {
		view := n.view(i)
		n.norms[i] = max(math.Sqrt(kernel.Dot(view, view)), 1e-12)
		for d := range view {
			view[d] = float32(float64(view[d]) / n.norms[i])
		}
	}
}

// backward returns the loss, the mean of (y − target)² over rows and dimensions,
// and sets the gradients of all weights. z is what forward was given.
//
// With y = u/‖u‖ and g the gradient of y, that of u is (g − ⟨g,y⟩y)/‖u‖.
func (n *network) backward(z, targets []float32) (loss float64) {
	n.dy, n.dh = resize(n.dy, len(n.y)), resize(n.dh, len(n.h))
	scale := 2 / float64(len(n.y))
	for i := range n.rows {
		view, dy := n.view(i), n.dy[i*n.dim:][:n.dim]
		for d, target := range targets[i*n.dim:][:n.dim] {
			dy[d] = view[d] - target
		}
		loss += kernel.Dot(dy, dy)
		along := kernel.Dot(dy, view)
		for d := range dy {
			dy[d] = float32(scale * (float64(dy[d]) - float64(along*float64(view[d]))) / n.norms[i])
		}
	}
	n.packed.PackRows(n.weights[w2].w, n.hidden, n.dim, n.hidden)
	n.multiply(n.dh, n.dy, nil, n.rows, n.dim, n.hidden)
	for i, h := range n.h {
		n.dh[i] *= 1 - float32(h*h)
	}
	n.outer(&n.weights[w2], &n.weights[b2], n.dy, n.h, n.dim, n.hidden)
	n.outer(&n.weights[w1], &n.weights[b1], n.dh, z, n.hidden, n.dim)
	return loss / float64(len(n.y))
}

// outer sets the gradient of a layer: of its weight [out, in] to δᵀ·x and of its
// bias to the sum of the rows of δ [rows, out].
func (n *network) outer(weight, bias *layerWeights, delta, x []float32, out, in int) {
	n.turned = resize(n.turned, len(delta))
	clear(bias.gradient)
	for i := range n.rows {
		for j, g := range delta[i*out:][:out] {
			n.turned[j*n.rows+i] = g
			bias.gradient[j] += g
		}
	}
	n.packed.PackRows(x, in, n.rows, in)
	n.multiply(weight.gradient, n.turned, nil, out, n.rows, in)
}

// multiply sets dst [rows, out] to a [rows, in] times the packed matrix plus bias.
func (n *network) multiply(dst, a, bias []float32, rows, in, out int) {
	share(n.threads, rows, 56, func(from, to int) error {
		n.packed.Mul(dst[from*out:], out, a[from*in:], in, bias, to-from)
		return nil
	})
}

// update moves all weights one step.
func (n *network) update(s stride) {
	for _, l := range n.weights {
		share(n.threads, len(l.w), 1<<15, func(from, to int) error {
			l.state.part(from, to-from).step(l.w[from:to], l.gradient[from:to], s)
			return nil
		})
	}
}

// resize returns a slice of length n that reuses the memory of v.
func resize[T any](v []T, n int) []T { return slices.Grow(v[:0], n)[:n] }
