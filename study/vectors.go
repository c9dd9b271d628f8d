package study

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Vectors are rows of numbers to learn from, in a file or in memory. Several
// goroutines may read at once. An *npy.File is one.
type Vectors interface {
	Rows() int
	Cols() int
	// Row reads row i into dst, of length Cols. Its error names file and row.
	Row(i int, dst []float32) error
}

// Join returns the rows of all parts, which must be of one width, one part after
// the other; names are what an error calls them.
func Join(parts []Vectors, names []string) (Vectors, error) {
	if len(parts) == 0 {
		return nil, errors.New("no vectors")
	}
	j := joined{parts: parts}
	for i, part := range parts {
		if part.Cols() != parts[0].Cols() {
			return nil, fmt.Errorf("%s: rows of %d numbers, but those of %s have %d: they are of different encoders", names[i], part.Cols(), names[0], parts[0].Cols())
		}
		j.rows += part.Rows()
		j.ends = append(j.ends, j.rows)
	}
	return &j, nil
}

type joined struct {
	parts []Vectors
	ends  []int // of each part, the rows up to its end
	rows  int
}

func (j *joined) Rows() int { return j.rows }

func (j *joined) Cols() int { return j.parts[0].Cols() }

func (j *joined) Row(i int, dst []float32) error {
	for p, end := range j.ends {
		if i < end {
			return j.parts[p].Row(i-(end-j.parts[p].Rows()), dst)
		}
	}
	return fmt.Errorf("row %d of %d", i, j.rows)
}

// InMemory are vectors of one length that are there already.
type InMemory [][]float32

// Rows returns their number.
func (m InMemory) Rows() int { return len(m) }

// Cols returns their length.
func (m InMemory) Cols() int {
	if len(m) == 0 {
		return 0
	}
	return len(m[0])
}

// Row copies one.
func (m InMemory) Row(i int, dst []float32) error {
	copy(dst, m[i])
	return nil
}

// A gathered is a block of rows of Vectors, one after another.
type gathered struct {
	flat []float32
	rows [][]float32
}

// gather reads the rows at the indices.
func (g *gathered) gather(from Vectors, indices []uint32, threads int) error {
	n, cols := len(indices), from.Cols()
	g.flat = slices.Grow(g.flat[:0], n*cols)[:n*cols]
	g.rows = g.rows[:0]
	for i := range n {
		g.rows = append(g.rows, g.flat[i*cols:][:cols:cols])
	}
	return share(threads, n, 64, func(first, end int) error {
		for i := first; i < end; i++ {
			if err := from.Row(int(indices[i]), g.rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// share calls work for blocks of size numbers that cover 0 to n, on a number of
// goroutines. Blocks do not depend on that number: a block that writes only to
// what is its own makes a result that does not depend on it either.
func share(threads, n, size int, work func(from, to int) error) error {
	if threads == 1 || n <= size {
		for from := 0; from < n; from += size {
			if err := work(from, min(n, from+size)); err != nil {
				return err
			}
		}
		return nil
	}
	var all errgroup.Group
	all.SetLimit(threads)
	for from := 0; from < n; from += size {
		all.Go(func() error { return work(from, min(n, from+size)) })
	}
	return all.Wait()
}

// mostWeights are in one matrix at the most.
const mostWeights = 1 << 30

// Streams of random numbers of one seed. Epoch e shuffles with streamOrder + e,
// so that the order of any epoch is known without those before it.
const (
	streamSplit = iota
	streamWeights
	streamOrder
)

// split chooses by seed the share of n rows that is held out from training, at
// least one row, and returns the indices of both kinds.
func split(n int, heldOut float64, seed uint64) (train, held []uint32, err error) {
	if !(heldOut > 0 && heldOut < 1) {
		return nil, nil, fmt.Errorf("the share held out is %v, not between 0 and 1", heldOut)
	}
	if n > math.MaxInt32 {
		return nil, nil, fmt.Errorf("%d rows are too many", n)
	}
	some := max(1, int(float64(n)*heldOut+0.5))
	if n-some < 1 {
		return nil, nil, fmt.Errorf("%d rows are too few to train on some and hold out others", n)
	}
	all := make([]uint32, n)
	for i := range all {
		all[i] = uint32(i)
	}
	shuffle(all, seed, streamSplit)
	train, held = all[some:], all[:some]
	slices.Sort(train)
	slices.Sort(held)
	return train, held, nil
}

// shuffle brings indices into the order of a seed and a stream.
func shuffle(indices []uint32, seed, stream uint64) {
	random := rand.New(rand.NewPCG(seed, stream))
	random.Shuffle(len(indices), func(i, j int) { indices[i], indices[j] = indices[j], indices[i] })
}
