package study

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"

	"github.com/steersight/steersight/internal/checkpoint"
	"github.com/steersight/steersight/internal/kernel"
)

// sums are what mean and variance of rows need.
type sums struct {
	n     int
	sum   []float64
	total float64 // Σ‖x‖²
}

func newSums(dim int) sums { return sums{sum: make([]float64, dim)} }

func (s *sums) add(row []float32) {
	s.n++
	for i, x := range row {
		s.sum[i] += float64(x)
	}
	s.total += kernel.Dot(row, row)
}

// mean returns the mean row.
func (s *sums) mean() []float64 {
	mean := make([]float64, len(s.sum))
	for i, x := range s.sum {
		mean[i] = x / float64(s.n)
	}
	return mean
}

// squares returns Σ‖x − mean‖².
func (s *sums) squares() float64 {
	squares := s.total
	for _, x := range s.sum {
		squares -= float64(x * x / float64(s.n))
	}
	return max(squares, 0)
}

// seen are rows that have been looked at once.
type seen struct {
	sums
	hash hash.Hash // of their numbers
}

// look reads all rows, so that what is wrong with one is known at once; the sums
// are of those that are trained on.
func look(ctx context.Context, rows Vectors, train, held []uint32, threads int) (*seen, error) {
	s := &seen{newSums(rows.Cols()), sha256.New()}
	var x gathered
	for i, part := range [][]uint32{train, held} {
		for block := range slices.Chunk(part, 1024) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := x.gather(rows, block, threads); err != nil {
				return nil, err
			}
			checkpoint.WriteFloat32(s.hash, x.flat) // a hash returns no error
			for _, row := range x.rows {
				if i == 0 {
					s.add(row)
				}
			}
		}
	}
	return s, nil
}

// run identifies the training of a recipe on these rows, but for its threads.
func (s *seen) run(recipe SAERecipe) [sha256.Size]byte {
	recipe.Threads, recipe.Epochs = 0, 0 // steps say it
	return sha256.Sum256(fmt.Appendf(s.hash.Sum(nil), "%d rows of %d, %+v", s.n, len(s.sum), recipe))
}
