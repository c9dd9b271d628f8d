package gpu

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// Options say where and how an Engine computes. None of them changes a bit of
// a result.
type Options struct {
	// Device is "auto" (or empty), "cpu", "cuda" or "cuda:N". "auto" is CUDA
	// where it is there. Where CUDA is asked for by name and absent, the Engine
	// warns and uses the CPU. Programs built without the tag cuda have none.
	Device string
	// Threads is the number of CPU threads; 0 means all that Go may use.
	Threads int
	// Logger takes warnings; nil is silent.
	Logger *slog.Logger
}

// An Engine computes views and codes with one feature model. It may be used by
// several goroutines at once.
type Engine struct {
	sae           *model.SAE
	internalizers []*model.Internalizer
	threads       int
	logger        *slog.Logger
	accelerator   *accelerator // nil where all is done on the CPU

	screen     kernel.Matrix // the encoder's weights
	screenBias []float32     // EncoderBias, and zeros up to a whole panel
	maxRowNorm float64       // largest ‖EncoderWeight_j‖
	maxBias    float64       // largest |EncoderBias_j|
	screenings sync.Pool     // of *screening
	viewings   sync.Pool     // of *viewing

	spent [stages]atomic.Int64 // nanoseconds
}

// Open makes an Engine of an SAE and internalizers, which must agree on the
// length of an embedding. Without internalizers there are only codes, no views.
func Open(sae *model.SAE, internalizers []*model.Internalizer, options Options) (*Engine, error) {
	choice, err := parseDevice(options.Device)
	if err != nil {
		return nil, err
	}
	for i, r := range internalizers {
		if r.Dim != sae.Dim {
			return nil, fmt.Errorf("internalizer %d works on embeddings of %d numbers, the sae on %d: they belong to different models", i+1, r.Dim, sae.Dim)
		}
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if options.Threads <= 0 {
		options.Threads = runtime.GOMAXPROCS(0)
	}
	e := &Engine{sae: sae, internalizers: internalizers, threads: options.Threads}
	e.screen.Pack(sae.EncoderWeight, sae.Features, sae.Dim, sae.Dim)
	e.screenBias = append(e.screenBias, sae.EncoderBias...)
	e.screenBias = append(e.screenBias, make([]float32, kernel.PanelWidth)...)
	for j, b := range sae.EncoderBias {
		row := sae.EncoderWeight[j*sae.Dim:][:sae.Dim]
		e.maxRowNorm = max(e.maxRowNorm, math.Sqrt(Dot(row, row)))
		e.maxBias = max(e.maxBias, math.Abs(float64(b)))
	}
	e.logger = options.Logger
	e.accelerate(choice)
	return e, nil
}

// Dim is the length of the vectors that the Engine takes.
func (e *Engine) Dim() int { return e.sae.Dim }

// SAE returns the SAE that the Engine was opened with.
func (e *Engine) SAE() *model.SAE { return e.sae }

// Spent is how long threads of an Engine have worked, added up, by what they
// did: views, screening all features, and deciding on those left.
type Spent struct{ Views, Screening, Deciding time.Duration }

// The stages of Spent.
const (
	toView = iota
	toScreen
	toDecide
	stages
)

// Spent returns what the Engine's threads have done since Open.
func (e *Engine) Spent() Spent {
	of := func(stage int) time.Duration { return time.Duration(e.spent[stage].Load()) }
	return Spent{Views: of(toView), Screening: of(toScreen), Deciding: of(toDecide)}
}

// since adds the time since start to a stage and returns the time now.
func (e *Engine) since(start time.Time, stage int) time.Time {
	now := time.Now()
	e.spent[stage].Add(int64(now.Sub(start)))
	return now
}

// checkRows refuses vectors of another length and numbers that are not finite.
func (e *Engine) checkRows(rows [][]float32) error {
	for i, row := range rows {
		if len(row) != e.sae.Dim {
			return &RowError{i, fmt.Errorf("the vector has %d numbers, the model takes %d", len(row), e.sae.Dim)}
		}
		if finite(row) {
			continue
		}
		for at, x := range row {
			if x-x != 0 { // NaN or infinite
				return &RowError{i, fmt.Errorf("number %d of the vector is %v", at, x)}
			}
		}
	}
	return nil
}

// finite reports whether no number of a row is NaN or infinite: x − x is 0 for
// all others. It adds these into four sums, which need not wait for each other.
func finite(row []float32) bool {
	var s0, s1, s2, s3 float32
	for ; len(row) >= 4; row = row[4:] {
		s0 += row[0] - row[0]
		s1 += row[1] - row[1]
		s2 += row[2] - row[2]
		s3 += row[3] - row[3]
	}
	for _, x := range row {
		s0 += x - x
	}
	return s0+s1+s2+s3 == 0
}

// A RowError is what is wrong with one row of a batch.
type RowError struct {
	Row int // from 0
	Err error
}

func (e *RowError) Error() string { return fmt.Sprintf("row %d: %v", e.Row, e.Err) }

func (e *RowError) Unwrap() error { return e.Err }

// eachBlock calls work for blocks of up to size rows that cover 0..n, on the
// Engine's threads, until one fails or ctx ends. Of several errors it returns
// the one of the earliest block, so that the answer does not depend on timing.
func (e *Engine) eachBlock(ctx context.Context, n, size int, work func(from, to int) error) error {
	size = evenly(n, e.threads, size)
	blocks := (n + size - 1) / size
	errs := make([]error, blocks)
	var next atomic.Int64
	var failed atomic.Bool
	var running sync.WaitGroup
	for range min(e.threads, blocks) {
		running.Go(func() {
			for !failed.Load() && ctx.Err() == nil {
				b := int(next.Add(1)) - 1
				if b >= blocks {
					return
				}
				if errs[b] = work(b*size, min(n, (b+1)*size)); errs[b] != nil {
					failed.Store(true)
				}
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// evenly returns how many rows, most at the most, make blocks that threads can
// share out evenly. It is even, since the kernels take a single row badly.
func evenly(n, threads, most int) int {
	each := (n + threads - 1) / threads
	blocks := max(1, (each+most-1)/most)
	return max(2, ((each+blocks-1)/blocks+1)&^1)
}

// newRows returns n rows of length m over one array.
func newRows(n, m int) [][]float32 {
	all := make([]float32, n*m)
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = all[i*m : (i+1)*m : (i+1)*m]
	}
	return rows
}
