package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestShortlist(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	special := []float32{nan, inf, -inf, 0, float32(math.Copysign(0, -1)), 1e-45, -1e-45}
	some := func(r *rand.Rand, n, often int) []float32 {
		v := random(r, n)
		for i := range v {
			if r.IntN(often) == 0 {
				v[i] = special[r.IntN(len(special))]
			}
		}
		return v
	}
	sameBits := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	r := rand.New(rand.NewPCG(13, 14))
	var s Shortlist // used again and again
	for rows := range 20 {
		limits := some(r, rows, 3)
		var tiles [][]float32
		for range 5 {
			tiles = append(tiles, some(r, rows*PanelWidth, 5))
		}
		last := 1 + r.IntN(PanelWidth)
		for _, l := range levels() {
			With(l, func() {
				s.Reset(rows, r.IntN(100))
				copy(s.Limits, limits)
				for n, tile := range tiles {
					columns := PanelWidth
					if n+1 == len(tiles) {
						columns = last
					}
					s.Add(tile, 7+n*PanelWidth, columns)
				}
				for i := range rows {
					var scores []float32
					var places []uint32
					for n, tile := range tiles {
						for c, x := range tile[i*PanelWidth:][:PanelWidth] {
							if !(x < limits[i]) && (n+1 < len(tiles) || c < last) {
								scores, places = append(scores, x), append(places, uint32(7+n*PanelWidth+c))
							}
						}
					}
					for _, limit := range []float32{limits[i], -inf, 0.5, inf, nan} {
						var keptScores []float32
						var keptPlaces []uint32
						for at, x := range scores {
							if !(x < limit) {
								keptScores, keptPlaces = append(keptScores, x), append(keptPlaces, places[at])
							}
						}
						gotScores, _ := s.Row(i)
						if n := Count(gotScores, limit); n != len(keptScores) {
							t.Fatalf("%s: %d not below %v, want %d", l, n, limit, len(keptScores))
						}
						s.Raise(i, limit)
						gotScores, gotPlaces := s.Row(i)
						if !slices.EqualFunc(gotScores, keptScores, sameBits) || !slices.Equal(gotPlaces, keptPlaces) {
							t.Fatalf("%s: row %d at limit %v: %v at %v, want %v at %v", l, i, limit, gotScores, gotPlaces, keptScores, keptPlaces)
						}
						scores, places = keptScores, keptPlaces
					}
				}
			})
		}
	}
}
