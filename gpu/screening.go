package gpu

import (
	"math"
	"slices"

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
	scales []scale
	lists  kernel.Shortlist // of each row, the features that can be in its code
	tile   []float32        // [rows, 32], the scores of a panel

	wide, sums []float64 // of the row that is decided
}

// scale is what is known of the scores of one row.
type scale struct {
	most  float64 // none is above it
	bound float64 // none is further off the activation that it stands for
}

// reset prepares the screening of the rows of x.
func (s *screening) reset(x [][]float32, want wanted) {
	e := s.engine
	s.want, s.stride = want, kernel.Stride(e.sae.Dim)
	s.x = slices.Grow(s.x[:0], len(x)*s.stride)[:len(x)*s.stride]
	s.scales = s.scales[:0]
	s.lists.Reset(len(x), min(full(e.sae.K), e.sae.Features))
	for i, row := range x {
		centred := s.vector(i)
		for at, bias := range e.sae.DecoderBias {
			centred[at] = row[at] - bias
		}
		s.scales = append(s.scales, e.scale(centred))
		s.lists.Limits[i] = s.limit(i, float64(want.above))
	}
	s.tile = slices.Grow(s.tile[:0], len(x)*kernel.PanelWidth)[:len(x)*kernel.PanelWidth]
}

// full is how many features make a list too long for k of them.
func full(k int) int { return max(4*k, 64) }

// vector returns the centred row i.
func (s *screening) vector(i int) []float32 { return s.x[i*s.stride:][:s.engine.sae.Dim] }

// scale returns the largest score that the centred row x can have, and the
// largest distance between a score and the activation (before ReLU).
//
// With u = 2⁻²⁴ and γ_n = n·u/(1−n·u), a float32 sum of m products is within
// γ_m·Σ|x_i·w_i| ≤ γ_m·‖x‖·‖w‖ of the true one, in any order and with or
// without fused operations (Higham, Accuracy and Stability of Numerical
// Algorithms, 3.1). Adding the bias and rounding the activation itself to
// float32 cost at most three more u of ‖x‖·‖w‖ + |b|. The last term covers
// products too small for a normal float32.
func (e *Engine) scale(x []float32) scale {
	n := float64(len(x) + 6)
	const u = 0x1p-24
	gamma := n * u / (1 - n*u)
	size := math.Sqrt(Dot(x, x))*e.maxRowNorm + e.maxBias
	bound := gamma*size + n*0x1p-149
	return scale{size + bound, bound}
}

// usable reports whether the scores are far enough from float32's limits for
// the bound to hold.
func (s scale) usable() bool { return s.bound < 1e30 }

// limit returns the lowest score of a feature of row i whose activation can be
// positive and at least lowest, rounded down to float32. Where scores are of no
// use no number is above it, so that only infinities and NaN are kept, in vain.
func (s *screening) limit(i int, lowest float64) float32 {
	if !s.scales[i].usable() {
		return float32(math.Inf(1))
	}
	score := max(lowest, 0) - s.scales[i].bound
	limit := float32(score)
	if float64(limit) > score {
		limit = math.Nextafter32(limit, float32(math.Inf(-1)))
	}
	return limit
}

// run screens all features.
func (s *screening) run() {
	e := s.engine
	long := full(s.want.k)
	for first := 0; first < e.sae.Features; first += kernel.PanelWidth {
		e.screen.MulPanel(s.tile, kernel.PanelWidth, first/kernel.PanelWidth, s.x, s.stride, e.screenBias[first:], len(s.scales))
		columns := min(kernel.PanelWidth, e.sae.Features-first)
		if longest := s.lists.Add(s.tile, first, columns); longest >= long {
			long = full(s.want.k)
			for i := range s.scales {
				long = max(long, 2*s.tighten(i, s.want.k/4))
			}
		}
	}
}

// tighten raises the limit of row i to what its scores so far allow, drops the
// features below it, and returns how many are left. To be quick it may leave
// some too many, about slack.
//
// If k scores are at least t, then k activations are at least t − bound, and no
// feature with a score below t − 2·bound has an activation as large as that.
func (s *screening) tighten(i, slack int) int {
	scores, _ := s.lists.Row(i)
	if len(scores) <= s.want.k || !s.scales[i].usable() {
		return len(scores)
	}
	t := s.atLeast(i, slack)
	if limit := s.limit(i, max(t-s.scales[i].bound, float64(s.want.above))); limit > s.lists.Limits[i] {
		s.lists.Raise(i, limit)
	}
	scores, _ = s.lists.Row(i)
	return len(scores)
}

// atLeast returns a number that at least k of the scores of row i are not
// below, and about k + slack at the most. It halves the range that the number
// is in, until what is left is nothing beside the bound, or holds no float32.
func (s *screening) atLeast(i, slack int) float64 {
	scores, _ := s.lists.Row(i)
	low, high := float64(s.lists.Limits[i]), s.scales[i].most
	for high-low > s.scales[i].bound/16 {
		middle := float64(float32((low + high) / 2))
		if middle <= low || middle >= high {
			break
		}
		switch n := kernel.Count(scores, float32(middle)); {
		case n < s.want.k:
			high = middle
		case n <= s.want.k+slack:
			return middle
		default:
			low = middle
		}
	}
	return low
}

// features returns the features that can be in the code of row i, ascending:
// all there are, where screening is of no use.
func (s *screening) features(i int) []uint32 {
	if s.scales[i].usable() {
		s.tighten(i, s.want.k/32)
		_, features := s.lists.Row(i)
		return features
	}
	all := make([]uint32, s.engine.sae.Features)
	for j := range all {
		all[j] = uint32(j)
	}
	return all
}

// decide returns the code of row i: the definition, for the features that can
// be in it.
func (s *screening) decide(i int) Code {
	sae, features := s.engine.sae, s.features(i)
	s.wide = s.wide[:0]
	for _, x := range s.vector(i) {
		s.wide = append(s.wide, float64(x))
	}
	s.sums = slices.Grow(s.sums[:0], len(features))[:len(features)]
	kernel.DotRows(s.sums, s.wide, sae.EncoderWeight, features)
	code := Code{make([]uint32, 0, len(features)), make([]float32, 0, len(features))}
	for at, j := range features {
		if value := float32(s.sums[at] + float64(sae.EncoderBias[j])); value > s.want.above {
			code.Features, code.Activations = append(code.Features, j), append(code.Activations, value)
		}
	}
	return code.largest(s.want.k)
}
