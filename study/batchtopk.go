package study

import (
	"context"
	"math"
	"slices"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// BatchTopK (Bussmann et al., 2024) shares the k features of each row out among
// the rows of a step: one row may have more than another. A single vector has no
// batch, so that its code is what is above a threshold, which is stored.

// mostOfK is how many times k features a row may have in training.
const mostOfK = 4

// encodeBatch returns the codes of rows that share their features out, and the
// smallest activation in them.
func encodeBatch(sae *model.SAE, rows [][]float32, threads int) ([]gpu.Code, float32, error) {
	wide := *sae
	wide.K = min(mostOfK*sae.K, sae.Features)
	codes, err := encode(&wide, rows, threads)
	if err != nil {
		return nil, 0, err
	}
	return codes, keepLargest(codes, sae.K*len(rows)), nil
}

// keepLargest keeps of all codes together the n largest activations, and those
// equal to the last of them, which it returns; 0 where there are no more than n.
func keepLargest(codes []gpu.Code, n int) float32 {
	var all []float32
	for _, code := range codes {
		all = append(all, code.Activations...)
	}
	if len(all) <= n {
		return 0
	}
	last, beyond := uint32(0), math.Float32bits(float32(math.Inf(1)))
	for beyond-last > 1 { // positive numbers lie as their bits do
		middle := last + (beyond-last)/2
		if kernel.Count(all, math.Float32frombits(middle)) >= n {
			last = middle
		} else {
			beyond = middle
		}
	}
	limit := math.Float32frombits(last)
	for i, code := range codes {
		codes[i] = code.Above(math.Nextafter32(limit, 0))
	}
	return limit
}

// setThreshold sets the threshold to the mean, over some batches of the rows that
// are trained on, of the smallest activation kept.
func (d *dictionary) setThreshold(ctx context.Context, rows Vectors, train []uint32) error {
	const batches = 32
	order := slices.Clone(train)
	shuffle(order, d.recipe.Seed, streamOrder)
	var x gathered
	sum, n := 0., 0
	for batch := range slices.Chunk(order, d.recipe.Batch) {
		if n == batches || len(batch) < d.recipe.Batch {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.gather(rows, batch, d.recipe.Threads); err != nil {
			return err
		}
		_, limit, err := encodeBatch(d.sae, x.rows, d.recipe.Threads)
		if err != nil {
			return err
		}
		sum += float64(limit)
		n++
	}
	d.sae.Threshold = float32(sum / float64(n))
	return nil
}
