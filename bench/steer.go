package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/plugin"

	"github.com/blevesearch/bleve/v2/search/query"
)

// SteerSettings are the settings of Steer.
type SteerSettings struct {
	Settings
	Toggles int `json:"toggles"` // of each query
	Dim     int `json:"dim"`     // of random embeddings to steer searches of too; 0 for none
}

// A SteerReport is what Steer found out.
type SteerReport struct {
	Settings  SteerSettings `json:"settings"`
	Documents int           `json:"documents"`
	Features  int           `json:"features"`
	Queries   int           `json:"queries"`
	Build     Build         `json:"build"`
	Dot       Steered       `json:"dot"`
	Dense     *Steered      `json:"dense,omitempty"`
}

// Steered is what toggles add to one kind of search.
type Steered struct {
	Exactness
	Unsteered Latency `json:"unsteered"`
	Steered   Latency `json:"steered"`
	Added     float64 `json:"added_ms"` // to the p50
}

// Steer measures what toggles add to searches by weighted dot products and, with
// a dimension, by embeddings, which are random. Half of a query's toggles are of
// its own features, turned off, down and up; the others are of features of
// random documents, excluded or asked for.
func Steer(ctx context.Context, c *Codes, s SteerSettings) (report *SteerReport, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Toggles < 1 || s.Toggles > c.Features() {
		return nil, fmt.Errorf("%d toggles: want 1 to %d, the number of features", s.Toggles, c.Features())
	}
	terms, err := c.Queries(s.Queries)
	if err != nil {
		return nil, err
	}
	steered, err := steer(c, terms, s.Toggles)
	if err != nil {
		return nil, err
	}
	if s.Dim < 0 || s.Dim > featureindex.MaxDim {
		return nil, fmt.Errorf("%d dimensions: want 0 to %d", s.Dim, featureindex.MaxDim)
	}
	v := newVectors(&DenseSettings{Settings: s.Settings, Documents: c.Documents(), Dim: s.Dim, Seed: 1})
	b, err := buildCodes(ctx, c, &codeSettings{Settings: s.Settings, vectors: v})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := &SteerReport{Settings: s, Documents: c.Documents(), Features: c.Features(), Queries: len(terms), Build: b.Build}
	s.Say("measuring %d queries in %d rounds", len(terms), s.Rounds)
	if err := r.dot(ctx, b, c, terms, steered); err != nil || s.Dim == 0 {
		return r, err
	}
	s.Say("measuring searches by embeddings")
	return r, r.dense(ctx, b, c, v, steered)
}

// dot measures and proves the steering of weighted dot products.
func (r *SteerReport) dot(ctx context.Context, b *built, c *Codes, terms []featureindex.Terms, steered []steering) error {
	bases, sums := make([]plugin.Scoring, len(terms)), make([]featureindex.Terms, len(terms))
	for q, t := range terms {
		bases[q], sums[q] = &plugin.Dot{View: view, Terms: t}, steered[q].sum
	}
	answers, err := r.Dot.measure(ctx, b, bases, steered, &r.Settings.Settings)
	if err != nil {
		return err
	}
	want, err := bruteForce(ctx, c, sums, r.Settings.K, b.numbers, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	r.Dot.Exactness = compare(answers, want.dot)
	return nil
}

// dense measures and proves the steering of searches by embeddings.
func (r *SteerReport) dense(ctx context.Context, b *built, c *Codes, v *vectors, steered []steering) error {
	r.Dense = &Steered{}
	bases, queries, corrections := make([]plugin.Scoring, len(steered)), make([][]float32, len(steered)), make([]featureindex.Terms, len(steered))
	for q := range steered {
		queries[q], corrections[q] = v.vector(c.Documents()+q), steered[q].corrections
		bases[q] = &plugin.KNN{Vector: queries[q]}
	}
	answers, err := r.Dense.measure(ctx, b, bases, steered, &r.Settings.Settings)
	if err != nil {
		return err
	}
	want, err := v.bruteForce(ctx, queries, b.numbers, &correcting{c, transpose(corrections, c.Features())})
	if err != nil {
		return err
	}
	r.Dense.Exactness = compare(answers, want)
	return nil
}

// measure takes the times of searches with and without corrections, and returns
// the answers of those with.
func (m *Steered) measure(ctx context.Context, b *built, bases []plugin.Scoring, steered []steering, s *Settings) ([][]featureindex.Hit, error) {
	plain, toggled := make([]query.Query, len(bases)), make([]query.Query, len(bases))
	for q, base := range bases {
		toggled[q] = &plugin.Steer{Base: base, View: view, Terms: steered[q].corrections, K: s.K}
		plain[q] = &plugin.Steer{Base: base, View: view, K: s.K} // is the base alone, of which Steer takes no K
	}
	ctx = plugin.WithThreads(ctx, s.Threads)
	_, answers, err := b.measure(ctx, toggled, s.K, 1)
	if err != nil {
		return nil, err
	}
	times, err := measureBeside(ctx, len(bases), s.Rounds,
		func(q int) error { _, err := b.search(ctx, plain[q], s.K); return err },
		func(q int) error { _, err := b.search(ctx, toggled[q], s.K); return err })
	if err != nil {
		return nil, err
	}
	m.Unsteered, m.Steered = times[0], times[1]
	m.Added = m.Steered.P50 - m.Unsteered.P50
	return answers, nil
}

// A steering is the corrections of a query and what its weights become.
type steering struct {
	corrections, sum featureindex.Terms
}

// steer makes up toggles for the queries, the same ones every time.
func steer(c *Codes, queries []featureindex.Terms, toggles int) ([]steering, error) {
	all := make([]steering, len(queries))
	for q, terms := range queries {
		random := rand.New(rand.NewPCG(uint64(q), 3))
		corrections := toggleOwn(random, terms, toggles/2)
		if err := toggleOthers(random, c, terms, toggles, corrections); err != nil {
			return nil, err
		}
		all[q] = steering{termsOf(corrections), add(terms, corrections)}
	}
	return all, nil
}

// toggleOwn scales features of the query by factors: the corrections are
// (α−1)·w.
func toggleOwn(random *rand.Rand, terms featureindex.Terms, toggles int) map[uint32]float32 {
	factors := [...]float32{0, .5, 2, 4}
	corrections := map[uint32]float32{}
	for n, i := range random.Perm(len(terms.Features))[:min(toggles, len(terms.Features))] {
		corrections[terms.Features[i]] = (factors[n%len(factors)] - 1) * terms.Weights[i]
	}
	return corrections
}

// toggleOthers adds corrections of other features, as long as there are any,
// until there are so many.
func toggleOthers(random *rand.Rand, c *Codes, terms featureindex.Terms, toggles int, corrections map[uint32]float32) error {
	factors := [...]float32{-1, -.5, 1, 2}
	mean := float32(0)
	for _, w := range terms.Weights {
		mean += w / float32(len(terms.Weights))
	}
	for tries := 0; len(corrections) < toggles && tries < 100*toggles; tries++ {
		row := random.IntN(c.Documents())
		codes, err := c.Read(row, row+1)
		if err != nil {
			return err
		}
		if len(codes[0].Features) == 0 {
			continue
		}
		f := codes[0].Features[random.IntN(len(codes[0].Features))]
		if _, ok := corrections[f]; ok || slices.Contains(terms.Features, f) {
			continue
		}
		corrections[f] = factors[len(corrections)%len(factors)] * mean
	}
	return nil
}

// termsOf returns weights as terms, in ascending order.
func termsOf(weights map[uint32]float32) (t featureindex.Terms) {
	for f := range weights {
		t.Features = append(t.Features, f)
	}
	slices.Sort(t.Features)
	for _, f := range t.Features {
		t.Weights = append(t.Weights, weights[f])
	}
	return t
}

// add returns the terms with their corrections, in float32 as a Steer adds them.
func add(terms featureindex.Terms, corrections map[uint32]float32) featureindex.Terms {
	sum := map[uint32]float32{}
	for i, f := range terms.Features {
		sum[f] = terms.Weights[i]
	}
	for f, c := range corrections {
		sum[f] += c
	}
	return termsOf(sum)
}

// Print prints the report for people.
func (r *SteerReport) Print(out io.Writer) error {
	t := newTable(out)
	t.fact("documents", "%d, of %d features", r.Documents, r.Features)
	t.fact("queries", "%d, %s", r.Queries, r.Settings.line())
	t.build(&r.Build)
	t.gap()
	fmt.Fprint(t, timesHead)
	r.Dot.print(t, "dot", r.Settings.Toggles)
	if r.Dense != nil {
		r.Dense.print(t, "dense", r.Settings.Toggles)
	}
	return t.Flush()
}

// print prints two lines of times.
func (m *Steered) print(t table, name string, toggles int) {
	t.times(name, m.Unsteered, "")
	t.times("  steered", m.Steered, "%d toggles, %+.4f ms; %s", toggles, m.Added, m.line())
}
