package gpu

import (
	"math"
	"math/bits"

	"github.com/steersight/steersight/internal/kernel"
)

// encodeBlock is how many rows are screened together: enough to use each panel
// of the encoder several times while it is in cache, and a multiple of the
// rows that the widest kernel takes.
const encodeBlock = 56

// A screening finds the features that can be in the codes of a block of rows.
// It multiplies the rows by one panel of the encoder at a time, in float32, and
// keeps of each row's scores only those that can still be among the largest:
// there is never a matrix of all scores.
type screening struct {
	engine *Engine
	want   wanted
	x      []float32 // the centred rows, stride numbers apart
	stride int
	rows   []candidates
	limits []float32 // of each row: a feature with a lower score is not in its code
}

// candidates are the features that can be in the code of one row, ascending.
type candidates struct {
	features []uint32
	scores   []float32
	full     int     // so many are too many: the limit is to rise
	most     float64 // no score is above it
	bound    float64 // the most that a score is off the activation it stands for
}

// newScreening prepares the screening of the rows of x.
func (e *Engine) newScreening(x [][]float32, want wanted) *screening {
	s := &screening{engine: e, want: want, stride: kernel.Stride(e.sae.Dim), limits: make([]float32, len(x)), rows: make([]candidates, len(x))}
	s.x = make([]float32, len(x)*s.stride)
	first := min(e.sae.Features, max(4*want.k, 64))
	if want.k == e.sae.Features {
		first = 4 * e.sae.K // there is no telling
	}
	features, scores := make([]uint32, len(x)*first), make([]float32, len(x)*first)
	for i, row := range x {
		c, centred := &s.rows[i], s.vector(i)
		for at, bias := range e.sae.DecoderBias {
			centred[at] = row[at] - bias
		}
		c.most, c.bound = e.screenBound(centred)
		s.limits[i] = s.limit(c, float64(want.above))
		c.features, c.scores, c.full = features[i*first:i*first:(i+1)*first], scores[i*first:i*first:(i+1)*first], first
	}
	return s
}

// vector returns the centred row i.
func (s *screening) vector(i int) []float32 { return s.x[i*s.stride:][:s.engine.sae.Dim] }

// screenBound returns the largest score that the centred row x can have, and
// the largest distance between a score and the activation (before ReLU).
//
// With u = 2⁻²⁴ and γ_n = n·u/(1−n·u), a float32 sum of m products is within
// γ_m·Σ|x_i·w_i| ≤ γ_m·‖x‖·‖w‖ of the true one, in any order and with or
// without fused operations (Higham, Accuracy and Stability of Numerical
// Algorithms, 3.1). Adding the bias and rounding the activation itself to
// float32 cost at most three more u of ‖x‖·‖w‖ + |b|. The last term covers
// products too small for a normal float32.
func (e *Engine) screenBound(x []float32) (most, bound float64) {
	n := float64(len(x) + 6)
	const u = 0x1p-24
	gamma := n * u / (1 - n*u)
	size := math.Sqrt(Dot(x, x))*e.maxRowNorm + e.maxBias
	bound = gamma*size + n*0x1p-149
	return size + bound, bound
}

// usable reports whether the scores are far enough from float32's limits for
// the bound to hold.
func (c *candidates) usable() bool { return c.bound < 1e30 }

// limit returns the lowest score of a feature whose activation can be positive
// and at least lowest, rounded down to float32.
func (s *screening) limit(c *candidates, lowest float64) float32 {
	score := max(lowest, 0) - c.bound
	limit := float32(score)
	if float64(limit) > score {
		limit = math.Nextafter32(limit, float32(math.Inf(-1)))
	}
	return limit
}

// run screens all features.
func (s *screening) run() {
	e, rows := s.engine, len(s.rows)
	tile, masks := make([]float32, rows*kernel.PanelWidth), make([]uint32, rows)
	for first := 0; first < e.sae.Features; first += kernel.PanelWidth {
		e.screen.MulPanel(tile, first/kernel.PanelWidth, s.x, s.stride, e.screenBias[first:], rows)
		kernel.Above(masks, tile, s.limits)
		exist := uint32(1)<<min(kernel.PanelWidth, e.sae.Features-first) - 1 // of the last panel not all do
		for i, mask := range masks {
			if mask &= exist; mask != 0 {
				s.keep(i, first, mask, tile[i*kernel.PanelWidth:][:kernel.PanelWidth])
			}
		}
	}
}

// keep adds the features of a panel that the mask names to those of row i.
func (s *screening) keep(i, first int, mask uint32, scores []float32) {
	c := &s.rows[i]
	if !c.usable() {
		return
	}
	for ; mask != 0; mask &= mask - 1 {
		at := bits.TrailingZeros32(mask)
		c.features = append(c.features, uint32(first+at))
		c.scores = append(c.scores, scores[at])
	}
	if len(c.features) >= c.full {
		s.tighten(i, s.want.k/4)
		c.full = max(c.full, 2*len(c.features))
	}
}

// tighten raises the limit of row i to what its scores so far allow, and drops
// the features below it. To be quick it may leave some too many, about slack.
//
// If k scores are at least t, then k activations are at least t − bound, and no
// feature with a score below t − 2·bound has an activation as large as that.
func (s *screening) tighten(i, slack int) {
	c := &s.rows[i]
	if len(c.features) <= s.want.k {
		return
	}
	t := c.atLeast(s.want.k, slack, float64(s.limits[i]))
	limit := s.limit(c, max(t-c.bound, float64(s.want.above)))
	if limit <= s.limits[i] {
		return
	}
	s.limits[i] = limit
	kept := 0
	for at, score := range c.scores {
		if score >= limit {
			c.features[kept], c.scores[kept] = c.features[at], score
			kept++
		}
	}
	c.features, c.scores = c.features[:kept], c.scores[:kept]
}

// atLeast returns a number that at least k of the scores are not below, and
// about k + slack at the most. No score is below low. It halves the range that
// the number is in, until what is left is nothing beside the bound, or holds
// no float32.
func (c *candidates) atLeast(k, slack int, low float64) float64 {
	for high := c.most; high-low > c.bound/16; {
		middle := float64(float32((low + high) / 2))
		if middle <= low || middle >= high {
			break
		}
		switch n := kernel.Count(c.scores, float32(middle)); {
		case n < k:
			high = middle
		case n <= k+slack:
			return middle
		default:
			low = middle
		}
	}
	return low
}

// features returns the features that can be in the code of row i: all there
// are, where screening is of no use.
func (s *screening) features(i int) []uint32 {
	c := &s.rows[i]
	if c.usable() {
		s.tighten(i, s.want.k/32)
		return c.features
	}
	all := make([]uint32, s.engine.sae.Features)
	for j := range all {
		all[j] = uint32(j)
	}
	return all
}
