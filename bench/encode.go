package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// EncodeSettings are the settings of Encode.
type EncodeSettings struct {
	Dim      int    `json:"dim"`
	Features int    `json:"features"`
	K        int    `json:"k"`
	Hidden   int    `json:"hidden"` // width of the internalizers' hidden layer
	Seed     uint64 `json:"seed"`   // of the weights and the vectors
	Batch    int    `json:"batch"`  // pairs computed together
	Rounds   int    `json:"rounds"` // of which the fastest counts
	Threads  int    `json:"threads"`
	Device   string `json:"device"` // as gpu.Options has it

	SAE           *model.SAE            `json:"-"` // nil for random weights
	Internalizers []*model.Internalizer `json:"-"` // belong to SAE
	Logger        *slog.Logger          `json:"-"` // takes the Engine's warnings; may be nil
}

// check returns an error for settings that measure nothing. A model given says
// what the sizes are.
func (s *EncodeSettings) check() error {
	if s.SAE != nil {
		s.Dim, s.Features, s.K, s.Hidden = s.SAE.Dim, s.SAE.Features, s.SAE.K, 0
		for _, r := range s.Internalizers {
			s.Hidden = r.Hidden
		}
	}
	const most = 1 << 24
	for _, n := range []struct {
		name  string
		value int
	}{{"dim", s.Dim}, {"features", s.Features}, {"k", s.K}, {"batch", s.Batch}, {"rounds", s.Rounds}, {"threads", s.Threads}} {
		if n.value < 1 || n.value > most {
			return fmt.Errorf("%s is %d: must be between 1 and %d", n.name, n.value, most)
		}
	}
	if s.SAE == nil && (s.Hidden < 1 || s.Hidden > most) {
		return fmt.Errorf("hidden is %d: must be between 1 and %d", s.Hidden, most)
	}
	if s.K > s.Features {
		return fmt.Errorf("k is %d: there are %d features", s.K, s.Features)
	}
	return nil
}

// An EncodeReport is what Encode found out. Its times are of the fastest round.
type EncodeReport struct {
	Settings EncodeSettings `json:"settings"`
	Kernels  string         `json:"kernels"` // the set in use on the CPU
	Device   string         `json:"device"`  // where the Engine computes; the stages below are the CPU's

	PairRate     float64 `json:"pairs_per_second"`     // views, five codes and the features shared
	DocumentRate float64 `json:"documents_per_second"` // views and the codes of all four
	VectorRate   float64 `json:"vectors_per_second"`   // codes alone

	ViewMS     float64 `json:"views_ms"`    // of the batch's documents
	CodeMS     float64 `json:"codes_ms"`    // of queries, documents and views
	QueryMS    float64 `json:"query_ms"`    // of these, the queries' codes
	SupportMS  float64 `json:"supports_ms"` // of comparing the codes
	Views      Stage   `json:"views"`       // threads added up
	Screening  Stage   `json:"screening"`   // threads added up
	Deciding   Stage   `json:"deciding"`    // threads added up
	Exact      int     `json:"exact"`       // codes found to be the definition's
	Checked    int     `json:"checked"`     // codes compared with it
	Anonymous  int64   `json:"anonymous_peak_bytes"`
	Resident   int64   `json:"resident_peak_bytes"`
	ModelBytes int64   `json:"model_bytes"` // the weights that the Engine reads
}

// A Stage is what one kind of work took.
type Stage struct {
	MS     float64 `json:"ms"`
	GFLOPS float64 `json:"gflops"` // a second and thread; 0 where they are not counted
}

// Encode measures what follows the encoder for a batch of pairs: three views of
// each document, codes of its query, of itself and of its views, and which
// features they share. Vectors are random, of unit length.
func Encode(ctx context.Context, s EncodeSettings) (*EncodeReport, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	r := &EncodeReport{Settings: s}
	level, _ := kernel.InUse()
	r.Kernels = string(level)
	random := rand.New(rand.NewPCG(s.Seed, 0))
	sae, internalizers := s.SAE, s.Internalizers
	if sae == nil {
		sae, internalizers = randomModel(random, &s)
	}
	r.ModelBytes = 4 * int64(len(sae.EncoderWeight)+len(sae.EncoderBias)+len(sae.DecoderBias))
	for _, m := range internalizers {
		r.ModelBytes += 4 * int64(len(m.W1)+len(m.B1)+len(m.W2)+len(m.B2))
	}
	engine, err := gpu.Open(sae, internalizers, gpu.Options{Device: s.Device, Threads: s.Threads, Logger: s.Logger})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	r.Device = engine.Device()
	anonymous := watchAnonymous()
	defer func() { r.Anonymous, r.Resident = anonymous(), peakResident() }()
	fastest := time.Duration(math.MaxInt64)
	for round := range s.Rounds + 1 { // the first warms up
		b := pairs{engine: engine, queries: unitVectors(random, s.Batch, s.Dim), documents: unitVectors(random, s.Batch, s.Dim)}
		if err := b.run(ctx); err != nil {
			return nil, err
		}
		if round > 0 && b.took() < fastest {
			fastest = b.took()
			r.take(&b)
		}
		if round == s.Rounds {
			r.compare(&b, sae)
		}
	}
	return r, nil
}

// randomModel draws weights of the size that trained ones have.
func randomModel(random *rand.Rand, s *EncodeSettings) (*model.SAE, []*model.Internalizer) {
	draw := func(n int, scale float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(random.NormFloat64() * scale)
		}
		return v
	}
	root := func(n int) float64 { return 1 / math.Sqrt(float64(n)) }
	sae := &model.SAE{Dim: s.Dim, Features: s.Features, K: s.K, Threshold: model.NoThreshold,
		EncoderWeight: draw(s.Features*s.Dim, root(s.Dim)), EncoderBias: draw(s.Features, .05), DecoderBias: draw(s.Dim, .01)}
	sae.Decoder = sae.EncoderWeight
	var internalizers []*model.Internalizer
	for range model.NumViews - 1 { // the original has none
		internalizers = append(internalizers, &model.Internalizer{Dim: s.Dim, Hidden: s.Hidden,
			W1: draw(s.Hidden*s.Dim, root(s.Dim)), B1: draw(s.Hidden, .02), W2: draw(s.Dim*s.Hidden, root(s.Hidden)), B2: draw(s.Dim, .02)})
	}
	return sae, internalizers
}

// unitVectors draws n vectors of unit length.
func unitVectors(random *rand.Rand, n, dim int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, dim)
		squares := 0.
		for j := range rows[i] {
			x := random.NormFloat64()
			rows[i][j] = float32(x)
			squares += x * x
		}
		for j := range rows[i] {
			rows[i][j] /= float32(math.Sqrt(squares))
		}
	}
	return rows
}

// pairs is a batch of pairs, and what computing it took.
type pairs struct {
	engine             *gpu.Engine
	queries, documents [][]float32

	codes                           [][]gpu.Code // of queries, documents and each of the views
	shared                          int
	views, query, document, support time.Duration
	spent                           gpu.Spent
}

func (b *pairs) took() time.Duration { return b.views + b.query + b.document + b.support }

// run computes everything, stage by stage.
func (b *pairs) run(ctx context.Context) error {
	before, start := b.engine.Spent(), time.Now()
	lap := func(d *time.Duration) {
		now := time.Now()
		*d, start = now.Sub(start), now
	}
	views, err := b.engine.Views(ctx, b.documents)
	if err != nil {
		return err
	}
	lap(&b.views)
	encode := func(vectors [][]float32) error {
		codes, err := b.engine.Encode(ctx, vectors)
		b.codes = append(b.codes, codes)
		return err
	}
	if err := encode(b.queries); err != nil {
		return err
	}
	lap(&b.query)
	for _, vectors := range append([][][]float32{b.documents}, views...) {
		if err := encode(vectors); err != nil {
			return err
		}
	}
	lap(&b.document)
	for i := range b.queries {
		var all []uint32
		for _, codes := range b.codes[1:] {
			all = append(all, explain.Overlap(b.codes[0][i], codes[i], 0)...)
		}
		slices.Sort(all)
		b.shared += len(slices.Compact(all))
	}
	lap(&b.support)
	after := b.engine.Spent()
	b.spent = gpu.Spent{Views: after.Views - before.Views, Screening: after.Screening - before.Screening, Deciding: after.Deciding - before.Deciding}
	return nil
}

// take reports the times of a batch.
func (r *EncodeReport) take(b *pairs) {
	s, n := &r.Settings, float64(len(b.queries))
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	stage := func(d time.Duration, flop float64) Stage { return Stage{MS: ms(d), GFLOPS: ratio(flop, float64(d))} }
	r.PairRate = ratio(n, b.took().Seconds())
	r.DocumentRate = ratio(n, (b.views + b.document).Seconds())
	r.VectorRate = ratio(n*float64(len(b.codes)), (b.query + b.document).Seconds())
	r.ViewMS, r.CodeMS, r.QueryMS, r.SupportMS = ms(b.views), ms(b.query+b.document), ms(b.query), ms(b.support)
	layers := 4 * float64(s.Dim) * float64(s.Hidden)
	r.Views = stage(b.spent.Views, n*float64(len(b.codes)-2)*layers)
	r.Screening = stage(b.spent.Screening, n*float64(len(b.codes))*2*float64(s.Dim)*float64(s.Features))
	r.Deciding = stage(b.spent.Deciding, 0)
}

// compare compares the codes of a few queries with the definition, written down
// plainly: all activations as float64 sums, the k largest.
func (r *EncodeReport) compare(b *pairs, sae *model.SAE) {
	const few = 3
	r.Checked = min(few, len(b.queries))
	x := make([]float32, sae.Dim)
	for i := range r.Checked {
		for j := range x {
			x[j] = b.queries[i][j] - sae.DecoderBias[j]
		}
		all := make([]float32, sae.Features)
		for j := range all {
			all[j] = float32(gpu.Dot(x, sae.EncoderWeight[j*sae.Dim:][:sae.Dim]) + float64(sae.EncoderBias[j]))
		}
		order := make([]uint32, sae.Features)
		for j := range order {
			order[j] = uint32(j)
		}
		slices.SortStableFunc(order, func(a, b uint32) int {
			switch {
			case all[a] > all[b]:
				return -1
			case all[a] < all[b]:
				return 1
			}
			return 0
		})
		order = slices.DeleteFunc(order[:sae.K], func(j uint32) bool { return !(all[j] > 0) })
		slices.Sort(order)
		code := b.codes[0][i]
		if slices.Equal(order, code.Features) && slices.EqualFunc(order, code.Activations, func(j uint32, a float32) bool { return all[j] == a }) {
			r.Exact++
		}
	}
}

// Print prints the report for people.
func (r *EncodeReport) Print(out io.Writer) error {
	t, s := newTable(out), &r.Settings
	weights := fmt.Sprintf("random weights of seed %d", s.Seed)
	if s.SAE != nil {
		weights = "a model given"
	}
	t.fact("model", "dim %d, %d features, k %d, hidden %d, %s, %s", s.Dim, s.Features, s.K, s.Hidden, weights, megabytes(r.ModelBytes))
	t.fact("batch", "%d pairs, fastest of %d rounds, threads %d, kernels %s, on %s", s.Batch, s.Rounds, s.Threads, r.Kernels, r.Device)
	t.fact("pairs", "%.0f/s: views, codes of query, document and views, shared features", r.PairRate)
	t.fact("documents", "%.0f/s: views, codes of document and views", r.DocumentRate)
	t.fact("vectors", "%.0f/s: codes", r.VectorRate)
	t.gap()
	t.fact("views", "%.3f ms", r.ViewMS)
	t.fact("codes", "%.3f ms, of which the queries' %.3f ms", r.CodeMS, r.QueryMS)
	t.fact("shared features", "%.3f ms", r.SupportMS)
	if r.Device == "cpu" {
		t.gap()
		t.stage("views", r.Views)
		t.stage("screening", r.Screening)
		t.stage("deciding", r.Deciding)
	}
	t.gap()
	t.fact("exact", "%d of %d codes equal brute force", r.Exact, r.Checked)
	t.fact("memory", "%s anonymous at most, %s resident", megabytes(r.Anonymous), megabytes(r.Resident))
	return t.Flush()
}

// stage prints a line of a stage.
func (t table) stage(name string, s Stage) {
	if s.GFLOPS == 0 {
		t.fact(name, "%.3f ms of all threads", s.MS)
		return
	}
	t.fact(name, "%.3f ms of all threads, %.1f GFLOP/s each", s.MS, s.GFLOPS)
}
