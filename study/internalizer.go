package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// An InternalizerRecipe says how to train an internalizer. The defaults are the
// paper's.
type InternalizerRecipe struct {
	Hidden   int     // width of the hidden layer
	Epochs   int     // at the most
	Batch    int     // pairs of a step
	Rate     float64 // of Adam
	HeldOut  float64 // share of the pairs that is not trained on
	Patience int     // epochs without a lower held-out loss after which it stops
	Seed     uint64
	Threads  int // change no bit of the result; at least 1
}

// DefaultInternalizerRecipe returns the paper's recipe.
func DefaultInternalizerRecipe() InternalizerRecipe {
	return InternalizerRecipe{Hidden: 512, Epochs: 100, Batch: 128, Rate: 5e-4, HeldOut: 0.15, Patience: 5, Seed: 1, Threads: 1}
}

func (r InternalizerRecipe) check() error {
	switch {
	case r.Hidden < 1 || r.Epochs < 1 || r.Batch < 1 || r.Patience < 1 || r.Threads < 1:
		return errors.New("hidden width, epochs, batch, patience and threads must be 1 or more")
	case !(r.Rate > 0) || math.IsInf(r.Rate, 0):
		return fmt.Errorf("the learning rate is %v, not a positive number", r.Rate)
	}
	return nil
}

// An InternalizerReport says what came of training.
type InternalizerReport struct {
	Trained   int `json:"trained"`    // pairs
	HeldOut   int `json:"held_out"`   // pairs
	Epochs    int `json:"epochs"`     // run
	BestEpoch int `json:"best_epoch"` // whose weights were kept, from 1

	TrainMSE     float64 `json:"train_mse"`     // of the best epoch, mean over its steps
	MSE          float64 `json:"mse"`           // held out, as the others
	Cosine       float64 `json:"cosine"`        // mean, of the view with its target
	CosineBefore float64 `json:"cosine_before"` // of the embedding itself with it
}

// Print prints the report for people.
func (r *InternalizerReport) Print(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "%d pairs to train on, %d held out; epoch %d of %d was the best\n\n", r.Trained, r.HeldOut, r.BestEpoch, r.Epochs)
	fmt.Fprintf(t, "mean squared error\t%.4g\t(on what it trained on, %.4g)\n", r.MSE, r.TrainMSE)
	fmt.Fprintf(t, "mean cosine of the view with its target\t%.4f\n", r.Cosine)
	fmt.Fprintf(t, "mean cosine of the embedding with it\t%.4f\n", r.CosineBefore)
	return t.Flush()
}

// TrainInternalizer trains R(z) = Norm(W2·tanh(W1·z + b1) + b2) to give the
// target of each embedding: row i of targets, brought to unit length, is that of
// row i of z. The loss is the mean squared error over pairs and dimensions. The
// weights are those of the epoch with the lowest loss on the pairs held out.
//
// progress is told after each epoch. Rows are read as they are needed. The result
// depends on the inputs, the recipe without its threads, and, in its last bits,
// on whether the CPU fuses products and sums.
func TrainInternalizer(ctx context.Context, z, targets Vectors, recipe InternalizerRecipe, progress func(epoch int, loss float64)) (*model.Internalizer, *InternalizerReport, error) {
	if err := recipe.check(); err != nil {
		return nil, nil, err
	}
	if z.Rows() != targets.Rows() || z.Cols() != targets.Cols() {
		return nil, nil, fmt.Errorf("%d embeddings of %d numbers, but %d targets of %d: each embedding needs a target of its length", z.Rows(), z.Cols(), targets.Rows(), targets.Cols())
	}
	if recipe.Hidden > mostWeights/max(1, z.Cols()) {
		return nil, nil, fmt.Errorf("a hidden layer of %d over %d numbers is too large a model", recipe.Hidden, z.Cols())
	}
	train, held, err := split(z.Rows(), recipe.HeldOut, recipe.Seed)
	if err != nil {
		return nil, nil, err
	}
	t := &pairs{z: z, targets: targets, recipe: recipe, net: newNetwork(z.Cols(), recipe.Hidden, recipe.Seed, recipe.Threads)}
	report := &InternalizerReport{Trained: len(train), HeldOut: len(held)}
	var best *model.Internalizer
	for epoch := range recipe.Epochs {
		loss, err := t.epoch(ctx, train, epoch)
		if err != nil {
			return nil, nil, err
		}
		now, err := t.measure(ctx, held)
		if err != nil {
			return nil, nil, err
		}
		if math.IsNaN(now.mse) {
			return nil, nil, fmt.Errorf("the loss is no number after epoch %d: use a lower learning rate than %v", epoch+1, recipe.Rate)
		}
		progress(epoch+1, now.mse)
		report.Epochs = epoch + 1
		if best == nil || now.mse < report.MSE {
			best = t.net.copy()
			report.BestEpoch, report.TrainMSE = epoch+1, loss
			report.MSE, report.Cosine, report.CosineBefore = now.mse, now.cosine, now.before
		} else if epoch+1-report.BestEpoch >= recipe.Patience {
			break
		}
	}
	return best, report, nil
}

// pairs trains and measures a network on pairs of rows.
type pairs struct {
	z, targets Vectors
	recipe     InternalizerRecipe
	net        *network
	steps      int

	in, out gathered // of a batch
}

// epoch trains on all pairs once and returns the mean loss of its steps.
func (t *pairs) epoch(ctx context.Context, train []uint32, epoch int) (float64, error) {
	order := slices.Clone(train)
	shuffle(order, t.recipe.Seed, streamOrder+uint64(epoch))
	sum := 0.
	for batch := range slices.Chunk(order, t.recipe.Batch) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := t.read(batch); err != nil {
			return 0, err
		}
		t.net.forward(t.in.flat, len(batch))
		sum += t.net.backward(t.in.flat, t.out.flat) * float64(len(batch))
		t.steps++
		t.net.update(strideOf(t.steps, t.recipe.Rate))
	}
	return sum / float64(len(train)), nil
}

// read reads a batch of pairs and brings its targets to unit length.
func (t *pairs) read(batch []uint32) error {
	if err := t.in.gather(t.z, batch, t.recipe.Threads); err != nil {
		return err
	}
	if err := t.out.gather(t.targets, batch, t.recipe.Threads); err != nil {
		return err
	}
	for i, row := range t.out.rows {
		norm := math.Sqrt(kernel.Dot(row, row))
		if norm == 0 {
			return &ZeroTargetError{int(batch[i])}
		}
		for at := range row {
			row[at] = float32(float64(row[at]) / norm)
		}
	}
	return nil
}

// fit is how well views meet their targets.
type fit struct{ mse, cosine, before float64 }

// measure returns the means over pairs.
func (t *pairs) measure(ctx context.Context, pairs []uint32) (f fit, err error) {
	const some = 1024
	for batch := range slices.Chunk(pairs, some) {
		if err := ctx.Err(); err != nil {
			return fit{}, err
		}
		if err := t.read(batch); err != nil {
			return fit{}, err
		}
		t.net.forward(t.in.flat, len(batch))
		for i, target := range t.out.rows {
			view := t.net.view(i)
			f.mse += squaredDistance(view, target) / float64(len(target))
			f.cosine += kernel.Dot(view, target)
			if norm := math.Sqrt(kernel.Dot(t.in.rows[i], t.in.rows[i])); norm > 0 {
				f.before += kernel.Dot(t.in.rows[i], target) / norm
			}
		}
	}
	n := float64(len(pairs))
	return fit{f.mse / n, f.cosine / n, f.before / n}, nil
}

func squaredDistance(a, b []float32) (sum float64) {
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += float64(d * d)
	}
	return sum
}

// A ZeroTargetError is returned where a target has no direction to learn.
type ZeroTargetError struct{ Row int } // from 0

func (e *ZeroTargetError) Error() string {
	return fmt.Sprintf("row %d is all zeros, and has no direction to learn", e.Row)
}
