package embed

import (
	"context"
	"math"
	"slices"
	"sync"

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

	attentions sync.Pool // of *attention
}

// rowBlock is how many rows a worker takes at a time, and queryBlock how many
// rows of a text attend at a time.
const (
	rowBlock   = 56
	queryBlock = 28
)

// A batch is the tokens of several texts, one after the other and without
// padding, and the numbers that belong to each token: its row.
type batch struct {
	starts []int   // text i has the rows starts[i] to starts[i+1]
	ids    []int32 // [rows]

	hidden              []float32 // [rows, hidden], the layers' input and output
	query, key, value   []float32 // [rows, hidden]
	context, projection []float32 // [rows, hidden]
	inner               []float32 // [rows, stride], of which intermediate count
	stride              int
}

// fit makes room for the numbers of the batch's tokens.
func (b *batch) fit(c *bertConfig) {
	b.stride = kernel.Stride(c.Intermediate)
	wide, inner := len(b.ids)*c.Hidden, len(b.ids)*b.stride
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
			inner := b.inner[lo*b.stride : hi*b.stride]
			l.up.weight.Mul(inner, b.stride, b.hidden[lo*h:], h, l.up.bias, hi-lo)
			m.act(inner)
			l.down.weight.Mul(b.projection[lo*h:], h, inner, b.stride, l.down.bias, hi-lo)
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
			dst[j] = word[j] + m.types[j]
		}
		m.norm.addTo(dst, position, m.config.Epsilon)
	}
}

// An attention is scratch for one head of one text.
type attention struct {
	keys, values kernel.Matrix
	scores       []float32 // [queryBlock, the text's rows up to a whole panel]
	mask         []float32 // added to a row of scores: −∞ where there is no key
}

// fit makes room for n rows and returns how far apart rows of scores lie.
func (a *attention) fit(n int) (stride int) {
	stride = (n + kernel.PanelWidth - 1) / kernel.PanelWidth * kernel.PanelWidth
	a.scores = slices.Grow(a.scores[:0], queryBlock*stride)[:queryBlock*stride]
	a.mask = slices.Grow(a.mask[:0], stride)[:stride]
	clear(a.mask[:n])
	for j := n; j < stride; j++ {
		a.mask[j] = float32(math.Inf(-1))
	}
	return stride
}

// attend computes one head of one text: its columns of b.context are
// softmax(query·keyᵀ/√d)·value of the text's rows.
func (m *bert) attend(b *batch, text, head int) {
	s, _ := m.attentions.Get().(*attention)
	if s == nil {
		s = &attention{}
	}
	defer m.attentions.Put(s)
	h := m.config.Hidden
	d := h / m.config.Heads
	n := b.starts[text+1] - b.starts[text]
	at := b.starts[text]*h + head*d
	query, key, value, context := b.query[at:], b.key[at:], b.value[at:], b.context[at:]
	s.keys.Pack(key, n, d, h)
	s.values.PackRows(value, d, n, h)
	stride, scale := s.fit(n), float32(1/math.Sqrt(float64(d)))
	for i := 0; i < n; i += queryBlock {
		rows := min(queryBlock, n-i)
		for j := 0; j < n; j += kernel.PanelWidth {
			s.keys.MulPanel(s.scores[j:], stride, j/kernel.PanelWidth, query[i*h:], h, s.mask[j:], rows)
		}
		for r := range rows {
			kernel.Softmax(s.scores[r*stride:][:stride], scale)
		}
		s.values.Mul(context[i*h:], h, s.scores, stride, nil, rows)
	}
}

// apply sets the rows lo to hi of dst [rows, out] from those of src [rows, in].
func (l *linear) apply(dst, src []float32, lo, hi int) {
	l.weight.Mul(dst[lo*l.out:], l.out, src[lo*l.in:], l.in, l.bias, hi-lo)
}

// addTo adds the rows of v to those of dst and normalizes the sums.
func (n layerNorm) addTo(dst, v []float32, epsilon float64) {
	for width := len(n.weight); len(dst) > 0; dst, v = dst[width:], v[width:] {
		kernel.AddNorm(dst[:width], v[:width], n.weight, n.bias, float32(epsilon))
	}
}
