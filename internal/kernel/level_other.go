//go:build !amd64

package kernel

// best returns the best level that the CPU has.
func best() Level { return Generic }

func dotLevel(_ Level, x, w []float32) float64 { return dotGeneric(x, w) }

// A shape is a kernel for some rows of a and some columns of a panel.
type shape struct {
	rows, columns int
	run           func(k int, a *float32, lda int, w, bias, c *float32, ldc int)
}

func shapes(Level) []shape { return nil }

func geluLevel(Level, []float32) bool { return false }

func expLevel(Level, []float32, float32) bool { return false }
