package gpu

// A Code is the sparse code of one vector: the features with a positive
// activation, ascending, and their activations.
type Code struct {
	Features    []uint32
	Activations []float32
}

// Above returns the part of c whose activations are greater than tau: the
// support a_j of the paper. It shares no memory with c unless nothing drops.
func (c Code) Above(tau float32) Code {
	for i, a := range c.Activations {
		if !(a > tau) {
			return c.filter(i, tau)
		}
	}
	return c
}

// filter is Above for a code whose first kept activations all pass.
func (c Code) filter(kept int, tau float32) Code {
	above := Code{
		Features:    append([]uint32(nil), c.Features[:kept]...),
		Activations: append([]float32(nil), c.Activations[:kept]...),
	}
	for i := kept; i < len(c.Features); i++ {
		if c.Activations[i] > tau {
			above.Features = append(above.Features, c.Features[i])
			above.Activations = append(above.Activations, c.Activations[i])
		}
	}
	return above
}
