package gpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/steersight/steersight/internal/kernel"
)

// Encode returns the TopK code of each row of x: the K largest positive
// activations, ties to the lower feature.
func (e *Engine) Encode(ctx context.Context, x [][]float32) ([]Code, error) {
	return e.encodeAnywhere(ctx, x, e.sae.K, 0, func(x [][]float32) ([]Code, error) {
		return e.encode(ctx, x, wanted{k: e.sae.K})
	})
}

// EncodeThreshold returns the code of each row of x in threshold mode: every
// positive activation above the SAE's Threshold, however many there are.
func (e *Engine) EncodeThreshold(ctx context.Context, x [][]float32) ([]Code, error) {
	threshold := max(e.sae.Threshold, 0)
	return e.encodeAnywhere(ctx, x, 0, threshold, func(x [][]float32) ([]Code, error) {
		return e.encode(ctx, x, wanted{k: e.sae.Features, above: threshold})
	})
}

// wanted says which activations make a code: the k largest of those above a
// number, which is not negative.
type wanted struct {
	k     int
	above float32
}

// encode screens x block by block, and decides on the features left of each
// row.
func (e *Engine) encode(ctx context.Context, x [][]float32, want wanted) ([]Code, error) {
	if err := e.checkRows(x); err != nil {
		return nil, err
	}
	codes := make([]Code, len(x))
	err := e.eachBlock(ctx, len(x), encodeBlock, func(from, to int) error {
		s, _ := e.screenings.Get().(*screening)
		if s == nil {
			s = &screening{engine: e}
		}
		defer e.screenings.Put(s)
		start := time.Now()
		s.reset(x[from:to], want)
		for i := range s.scales {
			if math.IsInf(s.scales[i].bound, 0) {
				return &RowError{from + i, errors.New("the vector minus the decoder bias is too large for float32")}
			}
		}
		s.run()
		start = e.since(start, toScreen)
		for i := range s.scales {
			code := s.decide(i)
			for at, a := range code.Activations {
				if math.IsInf(float64(a), 0) {
					return &RowError{from + i, fmt.Errorf("the activation of feature %d is too large for float32", code.Features[at])}
				}
			}
			codes[from+i] = code
		}
		e.since(start, toDecide)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// largest keeps the k largest activations, ties to the lower feature.
func (c Code) largest(k int) Code {
	if len(c.Features) <= k {
		return c
	}
	// The k-th largest is the largest number that k activations are not below.
	// Positive numbers lie as their bits do.
	last, beyond := uint32(0), math.Float32bits(float32(math.Inf(1)))+1
	for beyond-last > 1 {
		middle := last + (beyond-last)/2
		if kernel.Count(c.Activations, math.Float32frombits(middle)) >= k {
			last = middle
		} else {
			beyond = middle
		}
	}
	ties := k - kernel.Count(c.Activations, math.Float32frombits(beyond)) // how many equal to it are kept
	kept := 0
	for i, a := range c.Activations {
		bits := math.Float32bits(a)
		if bits < last || bits == last && ties == 0 {
			continue
		}
		if bits == last {
			ties--
		}
		c.Features[kept], c.Activations[kept] = c.Features[i], a
		kept++
	}
	return Code{c.Features[:kept], c.Activations[:kept]}
}
