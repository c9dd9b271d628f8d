package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAboveAndCount(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	special := []float32{nan, inf, -inf, 0, float32(math.Copysign(0, -1)), 1e-45, -1e-45}
	for rows := range 20 {
		tile, limits := random(r, rows*PanelWidth), random(r, rows)
		for i := range tile {
			if r.IntN(5) == 0 {
				tile[i] = special[r.IntN(len(special))]
			}
		}
		for i := range limits {
			if r.IntN(3) == 0 {
				limits[i] = special[r.IntN(len(special))]
			}
		}
		for _, l := range levels() {
			at(l, func() {
				masks := make([]uint32, rows)
				Above(masks, tile, limits)
				for i, limit := range limits {
					want := 0
					for c, x := range tile[i*PanelWidth:][:PanelWidth] {
						not := x < limit
						if !not {
							want++
						}
						if masks[i]>>c&1 == 1 == not {
							t.Errorf("%s: %v is not below %v: got %v", l, x, limit, not)
						}
					}
					for n := range PanelWidth + 1 {
						got, part := Count(tile[i*PanelWidth:][:n], limit), 0
						for c := range n {
							part += int(masks[i] >> c & 1)
						}
						if got != part {
							t.Errorf("%s: %d of %d not below %v, want %d", l, got, n, limit, part)
						}
					}
				}
			})
		}
	}
}
