package gpu

import "github.com/steersight/steersight/internal/kernel"

// Dot returns Σ x_i·w_i in float64, summed in the one order that every device
// follows: lane l adds the products of elements l, l+32, l+64, … in turn, then
// the upper half of the 32 lanes is added to the lower half, five times over.
// The lengths must be equal.
func Dot(x, w []float32) float64 { return kernel.Dot(x, w) }
