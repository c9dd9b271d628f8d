package embed

import (
	"context"
	"math"

	"github.com/steersight/steersight/internal/kernel"
)

// A bert is the encoder of Devlin et al. 2019 (BertModel without its pooler).
// Its weights are read-only.
type bert struct {
	config    *bertConfig
	words     []float32 // [vocab, hidden]
	positions []float32 // [positions, hidden]
	types     []float32 // [types, hidden], of which row 0 is used
	norm      layerNorm
	layers    []bertLayer
	act       func([]float32)
}

// rowBlock is how many rows a worker takes at a time, and queryBlock how many
// rows of a text attend at a time.
const (
	rowBlock   = 56
	queryBlock = 64
)

// A batch is the tokens of several texts, one after the other and without
// padding, and the numbers that belong to each token: its row.
type batch struct {
	starts []int   // text i has the rows starts[i] to starts[i+1]
	ids    []int32 // [rows]

	hidden              []float32 // [rows, hidden], the layers' input and output
	query, key, value   []float32 // [rows, hidden]
	context, projection []float32 // [rows, hidden]
	inner               []float32 // [rows, intermediate]
}

// fit makes room for the numbers of the batch's tokens.
func (b *batch) fit(c *bertConfig) {
	wide, inner := len(b.ids)*c.Hidden, len(b.ids)*c.Intermediate
	if cap(b.hidden) < wide || cap(b.inner) < inner {
		flat := make([]float32, 6*wide)
		for i, s := range []*[]float32{&b.hidden, &b.query, &b.key, &b.value, &b.context, &b.projection} {
			*s = flat[i*wide : (i+1)*wide : (i+1)*wide]
		}
		b.inner = make([]float32, inner)
	}
	for _, s := range []*[]float32{&b.hidden, &b.query, &b.key, &b.value, &b.context, &b.projection} {
		*s = (*s)[:wide]
	}
	b.inner = b.inner[:inner]
}

// run computes b.hidden, the last layer's output. Every row is computed from
// its own text's rows only, in an order that depends on nothing else.
func (m *bert) run(ctx context.Context, b *batch, threads int) error {
	b.fit(m.config)
	rows, h := len(b.ids), m.config.Hidden
	texts := len(b.starts) - 1
	parallel(threads, texts, func(i int) { m.embed(b, b.starts[i], b.starts[i+1]) })
	for i := range m.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := &m.layers[i]
		blocks(threads, rows, func(lo, hi int) {
			l.query.apply(b.query, b.hidden, lo, hi)
			l.key.apply(b.key, b.hidden, lo, hi)
			l.value.apply(b.value, b.hidden, lo, hi)
		})
		parallel(threads, texts*m.config.Heads, func(i int) {
			m.attend(b, i/m.config.Heads, i%m.config.Heads)
		})
		blocks(threads, rows, func(lo, hi int) {
			l.context.apply(b.projection, b.context, lo, hi)
			l.contextNorm.addTo(b.hidden[lo*h:hi*h], b.projection[lo*h:hi*h], m.config.Epsilon)
			l.up.apply(b.inner, b.hidden, lo, hi)
			m.act(b.inner[lo*l.up.out : hi*l.up.out])
			l.down.apply(b.projection, b.inner, lo, hi)
			l.downNorm.addTo(b.hidden[lo*h:hi*h], b.projection[lo*h:hi*h], m.config.Epsilon)
		})
	}
	return ctx.Err()
}

// embed computes the first layer's input for the rows lo to hi of one text.
func (m *bert) embed(b *batch, lo, hi int) {
	h := m.config.Hidden
	for i := lo; i < hi; i++ {
		word := m.words[int(b.ids[i])*h:][:h]
		position := m.positions[(i-lo)*h:][:h]
		dst := b.hidden[i*h:][:h]
		for j := range dst {
			dst[j] = word[j] + m.types[j] + position[j]
		}
		m.norm.apply(dst, m.config.Epsilon)
	}
}

// attend computes one head of one text: its columns of b.context are
// softmax(query·keyᵀ/√d)·value of the text's rows.
func (m *bert) attend(b *batch, text, head int) {
	h := m.config.Hidden
	d := h / m.config.Heads
	lo, hi := b.starts[text], b.starts[text+1]
	n := hi - lo
	q, k := make([]float32, n*d), make([]float32, n*d)
	scale := float32(1 / math.Sqrt(float64(d)))
	for i := range n {
		at := (lo+i)*h + head*d
		for j, x := range b.query[at:][:d] {
			q[i*d+j] = x * scale
		}
		copy(k[i*d:][:d], b.key[at:])
	}
	var keys, values kernel.Matrix
	keys.Pack(k, n, d)
	values.PackRows(b.value[lo*h+head*d:], d, n, h)
	scores := make([]float32, min(n, queryBlock)*n)
	for i := 0; i < n; i += queryBlock {
		rows := min(queryBlock, n-i)
		keys.Mul(scores, n, q[i*d:], d, nil, rows)
		for r := range rows {
			softmax(scores[r*n:][:n])
		}
		values.Mul(b.context[(lo+i)*h+head*d:], h, scores, n, nil, rows)
	}
}

// apply sets the rows lo to hi of dst [rows, out] from those of src [rows, in].
func (l *linear) apply(dst, src []float32, lo, hi int) {
	l.weight.Mul(dst[lo*l.out:], l.out, src[lo*l.in:], l.in, l.bias, hi-lo)
}

// addTo adds the rows of v to those of dst and normalizes the sums.
func (n layerNorm) addTo(dst, v []float32, epsilon float64) {
	for i := range dst {
		dst[i] += v[i]
	}
	for width := len(n.weight); len(dst) > 0; dst = dst[width:] {
		n.apply(dst[:width], epsilon)
	}
}

// apply normalizes one row. Mean and variance are taken in float64.
func (n layerNorm) apply(row []float32, epsilon float64) {
	mean := sum(row) / float64(len(row))
	scale := 1 / math.Sqrt(sumOfSquares(row, mean)/float64(len(row))+epsilon)
	weight, bias := n.weight[:len(row)], n.bias[:len(row)]
	for j, x := range row {
		row[j] = float32((float64(x)-mean)*scale)*weight[j] + bias[j]
	}
}

// softmax turns a row of scores into weights that sum to 1.
func softmax(row []float32) {
	kernel.Exp(row, largest(row))
	scale := float32(1 / sum(row))
	for j := range row {
		row[j] *= scale
	}
}

// The sums below go into four parts by turns, each of which need not wait for
// the others.

// sum returns the sum of a row.
func sum(row []float32) float64 {
	var s0, s1, s2, s3 float64
	for ; len(row) >= 4; row = row[4:] {
		s0 += float64(row[0])
		s1 += float64(row[1])
		s2 += float64(row[2])
		s3 += float64(row[3])
	}
	for _, x := range row {
		s0 += float64(x)
	}
	return s0 + s1 + s2 + s3
}

// sumOfSquares returns the sum of the squared distances of a row's numbers
// from their mean. The conversions keep products and sums from being fused,
// which would round differently on machines that fuse.
func sumOfSquares(row []float32, mean float64) float64 {
	var s0, s1, s2, s3 float64
	for ; len(row) >= 4; row = row[4:] {
		d0, d1, d2, d3 := float64(row[0])-mean, float64(row[1])-mean, float64(row[2])-mean, float64(row[3])-mean
		s0 += float64(d0 * d0)
		s1 += float64(d1 * d1)
		s2 += float64(d2 * d2)
		s3 += float64(d3 * d3)
	}
	for _, x := range row {
		d := float64(x) - mean
		s0 += float64(d * d)
	}
	return s0 + s1 + s2 + s3
}

// largest returns the largest number of a row, which is not empty.
func largest(row []float32) float32 {
	m0, m1, m2, m3 := row[0], row[0], row[0], row[0]
	for ; len(row) >= 4; row = row[4:] {
		m0, m1, m2, m3 = max(m0, row[0]), max(m1, row[1]), max(m2, row[2]), max(m3, row[3])
	}
	for _, x := range row {
		m0 = max(m0, x)
	}
	return max(m0, m1, m2, m3)
}
