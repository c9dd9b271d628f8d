package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
)

// An SAERecipe says how to train a TopK or BatchTopK autoencoder: Gao et al., Scaling and
// evaluating sparse autoencoders, 2024.
type SAERecipe struct {
	Features  int     // D
	K         int     // active features of a code
	BatchTopK bool    // k is the mean of a step's rows; a threshold is stored
	Epochs    int     // over the rows that are trained on
	Steps     int     // instead of Epochs, where it is not 0
	Batch     int     // rows of a step; all rows, where there are fewer
	Rate      float64 // of Adam, at its height
	WarmUp    float64 // share of the steps in which the rate rises; in the last fifth it falls to 0
	AuxK      int     // dead features of a row that take part in their loss; 0 for no such loss
	DeadSteps int     // steps in no code after which a feature is dead; 0 for those of an epoch
	HeldOut   float64 // share of the rows that is not trained on
	Seed      uint64
	Threads   int // change no bit of the result; at least 1
}

// DefaultSAERecipe returns a recipe for some hundred thousand embeddings.
func DefaultSAERecipe() SAERecipe {
	return SAERecipe{Features: 4096, K: 32, Epochs: 30, Batch: 1024, Rate: 2e-3, WarmUp: 0.05, AuxK: 64,
		HeldOut: 0.05, Seed: 1, Threads: 1}
}

func (r SAERecipe) check() error {
	switch {
	case r.Features < 1 || r.Features > math.MaxInt32 || r.K < 1 || r.K > r.Features:
		return fmt.Errorf("%d of %d features cannot be active; give 1 to all of them", r.K, r.Features)
	case r.Epochs < 1 && r.Steps < 1 || r.Batch < 1 || r.Threads < 1:
		return errors.New("epochs, batch and threads must be 1 or more")
	case r.Steps < 0 || r.AuxK < 0 || r.DeadSteps < 0:
		return errors.New("steps, dead steps and dead features that take part must be 0 or more")
	case !(r.Rate > 0) || math.IsInf(r.Rate, 0):
		return fmt.Errorf("the learning rate is %v, not a positive number", r.Rate)
	case !(r.WarmUp >= 0 && r.WarmUp <= 1):
		return fmt.Errorf("the share of steps to warm up is %v, not between 0 and 1", r.WarmUp)
	}
	return nil
}

// rate returns the learning rate of step i of a number of steps.
func (r SAERecipe) rate(i, steps int) float64 {
	rate := r.Rate
	if rising := r.WarmUp * float64(steps); float64(i+1) < rising {
		rate *= float64(i+1) / rising
	}
	if falling := 0.2 * float64(steps); float64(steps-i) < falling {
		rate *= float64(steps-i) / falling
	}
	return rate
}

// An SAEReport says what came of training.
type SAEReport struct {
	Features int `json:"features"`
	K        int `json:"k"`
	Trained  int `json:"trained"`  // rows
	HeldOut  int `json:"held_out"` // rows
	Steps    int `json:"steps"`

	ExplainedVariance float64 `json:"explained_variance"` // held out: 1 − Σ‖x−x̃‖² / Σ‖x−mean‖²
	MSE               float64 `json:"mse"`                // held out: mean over rows and dimensions of (x−x̃)²
	L0                float64 `json:"l0"`                 // held out: mean active features
	Silent            float64 `json:"silent"`             // share of the features that are in no code held out

	TrainExplainedVariance float64 `json:"train_explained_variance"`
	Dead                   float64 `json:"dead"` // share of the features that are in no code at all, held out or not
}

// Print prints the report for people.
func (r *SAEReport) Print(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "%d features, k = %d; %d rows to train on, %d held out; %d steps\n\n", r.Features, r.K, r.Trained, r.HeldOut, r.Steps)
	fmt.Fprintf(t, "explained variance\t%.4f\t(of what it trained on, %.4f)\n", r.ExplainedVariance, r.TrainExplainedVariance)
	fmt.Fprintf(t, "mean squared error\t%.4g\n", r.MSE)
	fmt.Fprintf(t, "active features of a row\t%.2f\n", r.L0)
	fmt.Fprintf(t, "dead features\t%.2f %%\t(in no code of those held out, %.2f %%)\n", 100*r.Dead, 100*r.Silent)
	return t.Flush()
}

// SAEOptions say what happens beside the training; they change no result.
type SAEOptions struct {
	// Checkpoint is a file that keeps the state of the training, each Every and
	// when ctx ends. A training that finds one goes on where it stopped, and
	// ends with the same bits as if it had not. Empty for none.
	Checkpoint string
	Every      time.Duration
	// Progress is told after each step; the loss is the share of the variance
	// that was left, on the rows of the step.
	Progress func(step, steps int, loss float64)
}

// TrainSAE trains a TopK autoencoder on rows. Rows are read as they are needed,
// once each epoch, beside a first time for their mean and a last time for the
// figures. The result depends on the rows and the recipe without its threads, and
// is the same on every machine, bit for bit.
func TrainSAE(ctx context.Context, rows Vectors, recipe SAERecipe, o SAEOptions) (*model.SAE, *SAEReport, error) {
	if err := recipe.check(); err != nil {
		return nil, nil, err
	}
	if recipe.Features > mostWeights/max(1, rows.Cols()) {
		return nil, nil, fmt.Errorf("%d features of %d numbers are too large a model", recipe.Features, rows.Cols())
	}
	train, held, err := split(rows.Rows(), recipe.HeldOut, recipe.Seed)
	if err != nil {
		return nil, nil, err
	}
	recipe.Batch = min(recipe.Batch, len(train))
	perEpoch := len(train) / recipe.Batch
	if recipe.Steps == 0 {
		recipe.Steps = recipe.Epochs * perEpoch
	}
	if recipe.DeadSteps == 0 {
		recipe.DeadSteps = perEpoch
	}
	if recipe.Steps > math.MaxInt32 {
		return nil, nil, fmt.Errorf("%d steps are too many", recipe.Steps)
	}
	seen, err := look(ctx, rows, train, held, recipe.Threads)
	if err != nil {
		return nil, nil, err
	}
	if !(seen.squares() > 0) {
		return nil, nil, errors.New("all rows that are trained on are equal")
	}
	d := newDictionary(seen.mean(), seen.squares()/float64(len(train)), recipe)
	if err := d.train(ctx, rows, train, saved{path: o.Checkpoint, run: seen.run(recipe)}, o); err != nil {
		return nil, nil, err
	}
	if recipe.BatchTopK {
		if err := d.setThreshold(ctx, rows, train); err != nil {
			return nil, nil, err
		}
	}
	report := &SAEReport{Features: recipe.Features, K: recipe.K, Trained: len(train), HeldOut: len(held), Steps: recipe.Steps}
	return d.sae, report, report.measure(ctx, d.sae, rows, train, held, recipe)
}

// train takes the steps that are left.
func (d *dictionary) train(ctx context.Context, rows Vectors, train []uint32, state saved, o SAEOptions) error {
	if err := state.load(d); err != nil {
		return err
	}
	r := d.recipe
	perEpoch := len(train) / r.Batch
	var order []uint32
	var x gathered
	last := time.Now()
	for first := d.steps; d.steps < r.Steps; {
		if ctx.Err() != nil {
			return errors.Join(state.save(d), ctx.Err())
		}
		if d.steps == first || d.steps%perEpoch == 0 {
			order = append(order[:0], train...)
			shuffle(order, r.Seed, streamOrder+uint64(d.steps/perEpoch))
		}
		if err := x.gather(rows, order[d.steps%perEpoch*r.Batch:][:r.Batch], r.Threads); err != nil {
			return err
		}
		loss, err := d.step(&x, r.rate(d.steps, r.Steps))
		if err != nil {
			return fmt.Errorf("step %d: %w", d.steps, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("the loss is no number in step %d: use a lower learning rate than %v", d.steps, r.Rate)
		}
		if o.Progress != nil {
			o.Progress(d.steps, r.Steps, loss)
		}
		if time.Since(last) >= o.Every {
			if err := state.save(d); err != nil {
				return err
			}
			last = time.Now()
		}
	}
	return state.save(d)
}

// measure fills in the figures.
func (r *SAEReport) measure(ctx context.Context, sae *model.SAE, rows Vectors, train, held []uint32, recipe SAERecipe) error {
	engine, err := gpu.Open(sae, nil, gpu.Options{Device: "cpu", Threads: recipe.Threads})
	if err != nil {
		return err
	}
	on, err := reconstruct(ctx, engine, rows, held, recipe)
	if err != nil {
		return err
	}
	r.ExplainedVariance = 1 - on.left/on.squares()
	r.MSE = on.left / float64(on.n*sae.Dim)
	r.L0 = float64(on.active) / float64(on.n)
	r.Silent = on.silent()
	all, err := reconstruct(ctx, engine, rows, train, recipe)
	if err != nil {
		return err
	}
	r.TrainExplainedVariance = 1 - all.left/all.squares()
	for j, uses := range on.uses {
		all.uses[j] += uses
	}
	r.Dead = all.silent()
	return nil
}

// reconstructed is what is known of rows and their reconstructions.
type reconstructed struct {
	sums
	left   float64 // Σ‖x−x̃‖²
	active int     // features in codes
	uses   []int   // of each feature, the codes that it is in
}

// silent returns the share of the features that are in no code.
func (r *reconstructed) silent() float64 {
	n := 0
	for _, uses := range r.uses {
		if uses == 0 {
			n++
		}
	}
	return float64(n) / float64(len(r.uses))
}

// reconstruct encodes the rows at the indices and decodes their codes.
func reconstruct(ctx context.Context, engine *gpu.Engine, rows Vectors, indices []uint32, recipe SAERecipe) (*reconstructed, error) {
	sae, threads, encode := engine.SAE(), recipe.Threads, engine.Encode
	if recipe.BatchTopK {
		encode = engine.EncodeThreshold
	}
	r := &reconstructed{sums: newSums(sae.Dim), uses: make([]int, sae.Features)}
	var x gathered
	for block := range slices.Chunk(indices, 1024) {
		if err := x.gather(rows, block, threads); err != nil {
			return nil, err
		}
		codes, err := encode(ctx, x.rows)
		if err != nil {
			return nil, err
		}
		left := make([]float64, len(codes))
		share(threads, len(codes), 32, func(from, to int) error {
			for i := from; i < to; i++ {
				for at, value := range engine.Reconstruct(codes[i]) {
					diff := value - float64(x.rows[i][at])
					left[i] += float64(diff * diff)
				}
			}
			return nil
		})
		for i, code := range codes {
			r.left += left[i]
			r.active += len(code.Features)
			for _, j := range code.Features {
				r.uses[j]++
			}
			r.add(x.rows[i])
		}
	}
	return r, nil
}
