package gpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// eachLevel runs f with every set of kernels that this CPU has.
func eachLevel(f func(kernel.Level)) {
	for _, l := range []kernel.Level{kernel.Generic, kernel.AVX2, kernel.AVX512} {
		kernel.With(l, func() { f(l) })
	}
}

// TestEveryKernelGivesTheDefinition covers what the kernels tell apart: panels
// that are not whole, lengths that are no multiple of the lanes, and numbers of
// rows around those of the tiles and blocks.
func TestEveryKernelGivesTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, c := range []struct{ dim, features, k, batch int }{
		{32, 64, 1, 1}, {32, 64, 64, 2}, {64, 100, 7, 3}, {31, 33, 5, 8}, {32, 1000, 256, 13},
		{96, 301, 17, 57}, {8, 40, 3, 4097}, {256, 129, 64, 15}, {1, 31, 2, 113},
	} {
		for _, kind := range kinds {
			if c.batch > 1000 && kind != "random" && kind != "tied" {
				continue
			}
			sae := randomSAE(r, c.dim, c.features, c.k, kind)
			internalizers := []*model.Internalizer{randomInternalizer(r, c.dim, 32), randomInternalizer(r, c.dim, 7)}
			x := make([][]float32, c.batch)
			for i := range x {
				x[i] = randomVector(r, c.dim)
			}
			x[c.batch/2] = slices.Clone(sae.DecoderBias) // all scores are biases
			check := func(l kernel.Level) error {
				e, err := Open(sae, internalizers, Options{Threads: 1 + r.IntN(3)})
				if err != nil {
					return err
				}
				codes, err := e.Encode(context.Background(), x)
				if err != nil {
					return err
				}
				views, err := e.Views(context.Background(), x)
				if err != nil {
					return err
				}
				for i := range x {
					if c.batch > 200 && i%97 > 1 && i < c.batch-2 {
						continue // the definition is slow
					}
					if want := bruteForce(sae, x[i], c.k); !reflect.DeepEqual(codes[i], want) {
						return fmt.Errorf("row %d: code %v, want %v", i, codes[i], want)
					}
					for v, m := range internalizers {
						if want := definedView(m, x[i]); !slices.Equal(views[v][i], want) {
							return fmt.Errorf("row %d: view %d is %v, want %v", i, v, views[v][i], want)
						}
					}
				}
				return nil
			}
			eachLevel(func(l kernel.Level) {
				if err := check(l); err != nil {
					t.Errorf("%s, %s, %+v: %v", l, kind, c, err)
				}
			})
		}
	}
}
