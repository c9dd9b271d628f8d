package featureindex

import (
	"fmt"
	"math"
	"math/bits"
)

// A Code is the sparse code of one view of a document: features in ascending
// order, each with its activation, which is positive and finite.
type Code struct {
	Features    []uint32
	Activations []float32
}

// check returns an error that says what is wrong with a code over d features.
func (c Code) check(d int) error {
	if len(c.Features) != len(c.Activations) {
		return fmt.Errorf("%d features with %d activations", len(c.Features), len(c.Activations))
	}
	last := -1
	for i, f := range c.Features {
		if int(f) <= last {
			return fmt.Errorf("feature %d after %d", f, last)
		}
		last = int(f)
		if a := c.Activations[i]; !(a > 0) || math.IsInf(float64(a), 1) {
			return fmt.Errorf("feature %d has activation %v", f, a)
		}
	}
	if last >= d {
		return fmt.Errorf("feature %d of %d", last, d)
	}
	return nil
}

// A Document is what the Builder takes: a code for each view of the Options,
// any of them empty, and the vectors of the dense columns, either of them nil.
type Document struct {
	Views     []Code
	Embedding []float32 // z
	Sum       []float32 // u, the sum over the views
}

// unite merges the codes of several views into the features of the union,
// ascending, and their activations summed in float64 in the order of the
// views. It appends to the slices given, which are returned.
func unite(codes []Code, features []uint32, sums []float64) ([]uint32, []float64) {
	var heads [MaxViews]int
	for {
		const none = math.MaxUint32
		next := uint32(none)
		for v := range codes {
			if h := heads[v]; h < len(codes[v].Features) {
				next = min(next, codes[v].Features[h])
			}
		}
		if next == none {
			return features, sums
		}
		sum := 0.0
		for v := range codes {
			if h := heads[v]; h < len(codes[v].Features) && codes[v].Features[h] == next {
				sum += float64(codes[v].Activations[h])
				heads[v]++
			}
		}
		features, sums = append(features, next), append(sums, sum)
	}
}

// A uniter does what unite does for few enough features that it can keep a bit
// and a sum of each. It is the faster way, as no branch depends on the codes.
type uniter struct {
	words []uint64
	sums  []float64
}

// mostUnited is the number of features up to which a uniter is the faster way.
const mostUnited = 1 << 16

func newUniter(features int) *uniter {
	return &uniter{make([]uint64, (features+63)/64), make([]float64, features)}
}

// unite is unite; the features of codes are below those of newUniter.
func (u *uniter) unite(codes []Code, features []uint32, sums []float64) ([]uint32, []float64) {
	for _, c := range codes {
		activations := c.Activations[:len(c.Features)]
		for i, f := range c.Features {
			u.words[f/64] |= 1 << (f % 64)
			u.sums[f] += float64(activations[i])
		}
	}
	for w, word := range u.words {
		if word == 0 {
			continue
		}
		u.words[w] = 0
		for ; word != 0; word &= word - 1 {
			f := uint32(w*64 + bits.TrailingZeros64(word))
			features, sums = append(features, f), append(sums, u.sums[f])
			u.sums[f] = 0
		}
	}
	return features, sums
}
