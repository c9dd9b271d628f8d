//go:build !amd64

package kernel

// best returns the best level that the CPU has.
func best() Level { return Generic }

func dotLevel(_ Level, x, w []float32) float64 { return dotGeneric(x, w) }

func dotAheadLevel(_ Level, x []float64, w, _ []float32) float64 { return dotGeneric(x, w) }

// A shape is a kernel of Matrix.Mul for some rows of a and some columns of a
// panel.
type shape struct {
	rows, columns int
	run           func(k int, a *float32, lda int, w, bias, c *float32, ldc int)
}

// A dotShape is a kernel of Dots for some rows of x and some of w.
type dotShape struct {
	xs, ws int
	run    func(n int, x *float64, ldx int, w *float32, ldw int, dst *float64, ldd int)
}

func shapes(Level) []shape { return nil }

func dotShapes(Level) []dotShape { return nil }

func packLevel(_ Level, _, _ []float32, _, _ int) bool { return false }

func addLevel(_ Level, s *Shortlist, tile []float32, first int, exist uint32) int {
	return s.addGeneric(tile, first, exist)
}

func filterLevel(_ Level, scores []float32, places []uint32, n int, limit float32) int {
	return filterGeneric(scores[:n], places, limit)
}

func countLevel(_ Level, v []float32, limit float32) int { return countGeneric(v, limit) }

func tanhLevel(Level, []float64) bool { return false }

func geluLevel(Level, []float32) bool { return false }

func softmaxLevel(Level, []float32, float32) bool { return false }

func addNormLevel(_ Level, _, _, _, _ []float32, _ float32) bool { return false }
