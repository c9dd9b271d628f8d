package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/plugin"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/search/query"
	"golang.org/x/sync/errgroup"
)

// DenseSettings are the settings of Dense.
type DenseSettings struct {
	Settings
	Documents int    `json:"documents"`
	Dim       int    `json:"dim"`
	Seed      uint64 `json:"seed"`
}

// check returns an error for settings that measure nothing.
func (s *DenseSettings) check() error {
	if s.Documents < 1 || s.Documents > math.MaxInt32 {
		return fmt.Errorf("%d documents: want 1 to %d", s.Documents, math.MaxInt32)
	}
	if s.Dim < 1 || s.Dim > featureindex.MaxDim {
		return fmt.Errorf("%d dimensions: want 1 to %d", s.Dim, featureindex.MaxDim)
	}
	return s.Settings.check()
}

// A DenseReport is what Dense found out.
type DenseReport struct {
	Settings DenseSettings `json:"settings"`
	Build    Build         `json:"build"`
	Exactness
	Search    Latency `json:"search"`
	Kernel    Latency `json:"kernel"`
	PerVector float64 `json:"ns_per_vector"` // of the p50 of Search
}

// Dense measures inner products with embeddings. The vectors are random: unit
// vectors around a few hundred centers, and so are the queries.
func Dense(ctx context.Context, s DenseSettings) (report *DenseReport, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	v := newVectors(&s)
	b, err := v.build(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := &DenseReport{Settings: s, Build: b.Build}
	s.Say("measuring %d queries in %d rounds", s.Queries, s.Rounds)
	vectors, queries := make([][]float32, s.Queries), make([]query.Query, s.Queries)
	for q := range queries {
		vectors[q] = v.vector(s.Documents + q)
		queries[q] = &plugin.KNN{Vector: vectors[q], K: s.K}
	}
	var answers [][]featureindex.Hit
	if r.Search, answers, err = b.measure(plugin.WithThreads(ctx, s.Threads), queries, s.K, s.Rounds); err != nil {
		return nil, err
	}
	r.PerVector = r.Search.P50 * 1e6 / float64(s.Documents)
	err = b.withSection(func(section *featureindex.Section) (err error) {
		search := featureindex.Search{K: s.K, Threads: s.Threads}
		r.Kernel, err = measure(ctx, len(queries), s.Rounds, func(q int) error {
			_, err := section.Dense(ctx, featureindex.Embedding, vectors[q], featureindex.Union, featureindex.Terms{}, search)
			return err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	want, err := v.bruteForce(ctx, vectors, b.numbers, nil)
	if err != nil {
		return nil, err
	}
	r.Exactness = compare(answers, want)
	return r, nil
}

// vectors are random unit vectors, each made from its number alone.
type vectors struct {
	s       *DenseSettings
	centers [][]float32
}

func newVectors(s *DenseSettings) *vectors {
	const centers = 256
	v := &vectors{s: s}
	random := rand.New(rand.NewPCG(s.Seed, 0))
	for range centers {
		center := make([]float32, s.Dim)
		for i := range center {
			center[i] = float32(random.NormFloat64())
		}
		v.centers = append(v.centers, center)
	}
	return v
}

// vector makes the vector of a number.
func (v *vectors) vector(number int) []float32 {
	const noise = .7 // of the length of a center
	random := rand.New(rand.NewPCG(v.s.Seed, uint64(number)+1))
	center := v.centers[random.IntN(len(v.centers))]
	vector := make([]float32, v.s.Dim)
	squares := 0.
	for i := range vector {
		x := float64(center[i]) + noise*random.NormFloat64()
		vector[i] = float32(x)
		squares += x * x
	}
	scale := float32(1 / math.Sqrt(squares))
	for i := range vector {
		vector[i] *= scale
	}
	return vector
}

// build makes an index of the vectors.
func (v *vectors) build(ctx context.Context) (*built, error) {
	options := &featureindex.Options{Features: 1, Views: []string{view}, Dim: v.s.Dim}
	m := &maker{
		create: func(path string) (bleve.Index, error) {
			return plugin.Create(path, bleve.NewIndexMapping(), *options, nil)
		},
		documents: v.s.Documents, batch: v.s.Batch, dir: v.s.Dir, say: v.s.Say,
		read: func(from, to int) ([]featureindex.Document, error) {
			documents := make([]featureindex.Document, to-from)
			for i := range documents {
				documents[i] = featureindex.Document{Views: make([]featureindex.Code, 1), Embedding: v.vector(from + i)}
			}
			return documents, nil
		},
		add: func(d *document.Document, codes featureindex.Document) error {
			d.AddField(plugin.NewField(options, codes))
			return nil
		},
	}
	return m.make(ctx)
}

// bruteForce scores every vector for every query: a float64 sum of the products
// in the order of the components, and corrections, which may be nil. numbers has
// the number in the index of each document.
func (v *vectors) bruteForce(ctx context.Context, queries [][]float32, numbers []uint32, corrections *correcting) ([]best, error) {
	const step = 1024
	components := make([][]float64, v.s.Dim) // by query
	for i := range components {
		components[i] = make([]float64, len(queries))
		for q := range queries {
			components[i][q] = float64(queries[q][i])
		}
	}
	all := newTruth(len(queries), v.s.K)
	var mu sync.Mutex
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			own, scores := newTruth(len(queries), v.s.K), make([]float64, len(queries))
			for ctx.Err() == nil {
				from := int(next.Add(step)) - step
				codes, err := corrections.read(from, min(from+step, len(numbers)))
				if err != nil {
					return err
				}
				for row := from; row < min(from+step, len(numbers)); row++ {
					clear(scores)
					for i, x := range v.vector(row) {
						for q, y := range components[i] {
							scores[q] += float64(x) * y
						}
					}
					if corrections != nil {
						corrections.add(scores, codes[row-from])
					}
					for q, score := range scores {
						own.dot[q].push(featureindex.Hit{Document: numbers[row], Score: score})
					}
				}
				if from >= len(numbers) {
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all.merge(own)
			return ctx.Err()
		})
	}
	return all.dot, group.Wait()
}

// A correcting adds to scores what corrections of features make of codes.
type correcting struct {
	codes     *Codes
	byFeature [][]share
}

// read reads codes, none for no corrections.
func (c *correcting) read(from, to int) ([]featureindex.Code, error) {
	if c == nil || from >= to {
		return nil, nil
	}
	return c.codes.Read(from, to)
}

// add adds the corrections of a code to the scores of all queries.
func (c *correcting) add(scores []float64, code featureindex.Code) {
	corrections := map[int32]float64{} // summed before they are added, as a Steer does
	for i, f := range code.Features {
		for _, x := range c.byFeature[f] {
			corrections[x.query] += x.weight * float64(code.Activations[i])
		}
	}
	for q, x := range corrections {
		scores[q] += x
	}
}

// Print prints the report for people.
func (r *DenseReport) Print(out io.Writer) error {
	t := newTable(out)
	t.fact("documents", "%d vectors of %d components", r.Settings.Documents, r.Settings.Dim)
	t.fact("queries", "%d, %s", r.Queries, r.Settings.line())
	t.build(&r.Build)
	t.fact("index", "%s", megabytes(r.Build.IndexBytes))
	t.gap()
	fmt.Fprint(t, timesHead)
	t.times("dense", r.Search, "%.2f ns a vector; %s", r.PerVector, r.line())
	t.times("  kernel", r.Kernel, "the rest is Bleve: %+.4f ms", r.Search.P50-r.Kernel.P50)
	return t.Flush()
}
