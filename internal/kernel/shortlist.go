package kernel

import (
	"fmt"
	"math/bits"
	"slices"
)

// A Shortlist holds, for each of some rows, the scores that are not below the
// row's limit, and their places, in the order in which they were added. NaN is
// not below anything.
type Shortlist struct {
	Limits []float32 // of each row; its user may raise them

	size   int // room of a list, of which the last 32 are for the kernels
	counts []int
	scores []float32 // [rows, size]
	places []uint32  // [rows, size]
	masks  []uint32  // scratch
}

// Reset empties the lists and makes them those of a number of rows, with room
// for n scores each before they have to grow.
func (s *Shortlist) Reset(rows, n int) {
	s.Limits = slices.Grow(s.Limits[:0], rows)[:rows]
	s.masks = slices.Grow(s.masks[:0], rows)[:rows]
	s.counts = slices.Grow(s.counts[:0], rows)[:rows]
	clear(s.counts)
	s.size = max(s.size, n+2*PanelWidth)
	if len(s.scores) < rows*s.size {
		s.scores, s.places = make([]float32, rows*s.size), make([]uint32, rows*s.size)
	}
}

// grow makes lists of size numbers.
func (s *Shortlist) grow(size int) {
	rows, before := len(s.Limits), *s
	s.size = size
	s.scores, s.places = make([]float32, rows*s.size), make([]uint32, rows*s.size)
	for i, count := range s.counts {
		copy(s.scores[i*s.size:], before.scores[i*before.size:][:count])
		copy(s.places[i*s.size:], before.places[i*before.size:][:count])
	}
}

// Add takes in a tile [rows, 32], of which the first columns count, at most 32;
// their places are first, first+1, and so on. It returns the length of the
// longest list.
func (s *Shortlist) Add(tile []float32, first, columns int) (longest int) {
	if len(tile) < len(s.Limits)*PanelWidth || columns < 0 || columns > PanelWidth {
		panic(fmt.Sprintf("kernel: %d columns of a tile of %d for %d rows", columns, len(tile), len(s.Limits)))
	}
	longest = addLevel(level, s, tile, first, uint32(1)<<columns-1)
	if longest+2*PanelWidth > s.size {
		s.grow(2*longest + 2*PanelWidth)
	}
	return longest
}

func (s *Shortlist) addGeneric(tile []float32, first int, exist uint32) int {
	for i, limit := range s.Limits {
		s.masks[i] = 0
		for c, score := range tile[i*PanelWidth:][:PanelWidth] {
			if !(score < limit) {
				s.masks[i] |= 1 << c
			}
		}
	}
	return s.addMasked(tile, first, exist)
}

// addMasked adds the numbers of a tile that the masks and exist name.
func (s *Shortlist) addMasked(tile []float32, first int, exist uint32) (longest int) {
	for i, mask := range s.masks {
		at := i*s.size + s.counts[i]
		for mask &= exist; mask != 0; mask &= mask - 1 {
			c := bits.TrailingZeros32(mask)
			s.scores[at], s.places[at] = tile[i*PanelWidth+c], uint32(first+c)
			at++
		}
		s.counts[i] = at - i*s.size
		longest = max(longest, s.counts[i])
	}
	return longest
}

// Row returns the list of row i, until it changes.
func (s *Shortlist) Row(i int) (scores []float32, places []uint32) {
	return s.scores[i*s.size:][:s.counts[i]], s.places[i*s.size:][:s.counts[i]]
}

// Raise sets the limit of row i and drops what is below it.
func (s *Shortlist) Raise(i int, limit float32) {
	s.Limits[i] = limit
	s.counts[i] = filterLevel(level, s.scores[i*s.size:][:s.size], s.places[i*s.size:][:s.size], s.counts[i], limit)
}

func filterGeneric(scores []float32, places []uint32, limit float32) (kept int) {
	for i, score := range scores {
		scores[kept], places[kept] = score, places[i]
		if !(score < limit) {
			kept++
		}
	}
	return kept
}

// Count returns how many numbers of v are not below limit.
func Count(v []float32, limit float32) int {
	whole := len(v) &^ (step - 1)
	return countLevel(level, v[:whole], limit) + countGeneric(v[whole:], limit)
}

func countGeneric(v []float32, limit float32) (n int) {
	for _, x := range v {
		if !(x < limit) {
			n++
		}
	}
	return n
}
