package kernel

// Above sets bit c of masks[i] if number c of row i of a tile [rows, 32] is not
// below limits[i]: it is as large, or larger, or one of the two is NaN. There
// are len(limits) rows.
func Above(masks []uint32, tile, limits []float32) {
	masks, tile = masks[:len(limits)], tile[:len(limits)*PanelWidth]
	if aboveLevel(level, masks, tile, limits) {
		return
	}
	for i, limit := range limits {
		var mask uint32
		for c, score := range tile[i*PanelWidth:][:PanelWidth] {
			if !(score < limit) {
				mask |= 1 << c
			}
		}
		masks[i] = mask
	}
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
