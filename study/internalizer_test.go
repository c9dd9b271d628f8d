package study

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/steersight/steersight/internal/npy"
	"github.com/steersight/steersight/model"
)

// taught are embeddings, and what a random network makes of them.
func taught(n, dim int) (z, targets InMemory) {
	z = unit(randomRows(10, n, dim))
	teacher := newNetwork(dim, dim, 11, 1)
	for _, l := range teacher.weights[:b1] {
		for i := range l.w {
			l.w[i] *= 3 // so that it is not linear
		}
	}
	teacher.forward(flat(z), n)
	for i := range n {
		targets = append(targets, append([]float32(nil), teacher.view(i)...))
	}
	return z, targets
}

func TestTrainInternalizer(t *testing.T) {
	z, targets := taught(2000, 16)
	recipe := DefaultInternalizerRecipe()
	recipe.Hidden, recipe.Epochs, recipe.Rate = 64, 60, 2e-3
	losses := map[int]float64{}
	progress := func(epoch int, loss float64) { losses[epoch] = loss }
	r, report, err := TrainInternalizer(context.Background(), z, targets, recipe, progress)
	if err != nil {
		t.Fatal(err)
	}
	if report.Trained != 1700 || report.HeldOut != 300 || report.Cosine < 0.98 || report.Cosine < report.CosineBefore+0.3 {
		t.Errorf("%+v", report)
	}
	if math.Abs(report.MSE-(2-2*report.Cosine)/16) > 1e-6 {
		t.Errorf("unit vectors with a cosine of %v do not have an error of %v", report.Cosine, report.MSE)
	}
	if len(losses) != report.Epochs || losses[report.BestEpoch] != report.MSE {
		t.Errorf("%v, told of %v", report, losses)
	}
	for epoch, loss := range losses {
		if loss < report.MSE {
			t.Errorf("epoch %d had a loss of %v", epoch, loss)
		}
	}
	path := filepath.Join(t.TempDir(), "model_qa.safetensors")
	if err := model.WriteInternalizer(path, r); err != nil {
		t.Fatal(err)
	}
	if got, err := model.ReadInternalizer(path); err != nil || !cmp.Equal(got, r) {
		t.Error(err)
	}
	var text strings.Builder
	if err := report.Print(&text); err != nil || !strings.Contains(text.String(), "1700 pairs to train on, 300 held out") {
		t.Errorf("%v\n%s", err, &text)
	}
}

// Threads change no bit; the seed changes all.
func TestTrainInternalizerThreads(t *testing.T) {
	z, targets := taught(300, 24)
	train := func(threads int, seed uint64) *model.Internalizer {
		recipe := DefaultInternalizerRecipe()
		recipe.Hidden, recipe.Epochs, recipe.Threads, recipe.Seed = 512, 3, threads, seed
		r, _, err := TrainInternalizer(context.Background(), z, targets, recipe, func(int, float64) {})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := train(1, 7)
	if !cmp.Equal(one, train(3, 7)) {
		t.Error("three threads give other weights than one")
	}
	if cmp.Equal(one, train(1, 8)) {
		t.Error("another seed gives the same weights")
	}
}

func TestTrainInternalizerStopsEarly(t *testing.T) {
	z, targets := randomRows(1, 40, 8), randomRows(2, 40, 8) // nothing to learn
	recipe := DefaultInternalizerRecipe()
	recipe.Rate, recipe.Patience = 1e-2, 3
	_, report, err := TrainInternalizer(context.Background(), z, targets, recipe, func(int, float64) {})
	if err != nil || report.Epochs == recipe.Epochs || report.Epochs != report.BestEpoch+3 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestTrainInternalizerErrors(t *testing.T) {
	z, targets := taught(20, 8)
	path := filepath.Join(t.TempDir(), "bad.npy")
	writeBad(t, path, 20, 8, 13)
	bad, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	zeros := append(InMemory{}, targets...)
	zeros[5] = make([]float32, 8)
	stopped, stop := context.WithCancel(context.Background())
	stop()
	for name, try := range map[string]struct {
		ctx        context.Context
		z, targets Vectors
		change     func(*InternalizerRecipe)
		want       string
	}{
		"rows":     {nil, z[:19], targets, nil, "19 embeddings of 8 numbers, but 20 targets of 8"},
		"few":      {nil, z[:1], targets[:1], nil, "1 rows are too few"},
		"zero":     {nil, z, zeros, nil, "row 5 is all zeros"},
		"nan":      {nil, bad, targets, nil, path + ": row 13, column 2: "},
		"stopped":  {stopped, z, targets, nil, "context canceled"},
		"large":    {nil, z, targets, func(r *InternalizerRecipe) { r.Hidden = 1 << 28 }, "268435456 over 8 numbers is too large a model"},
		"epochs":   {nil, z, targets, func(r *InternalizerRecipe) { r.Epochs = 0 }, "must be 1 or more"},
		"rate":     {nil, z, targets, func(r *InternalizerRecipe) { r.Rate = math.NaN() }, "learning rate is NaN"},
		"diverges": {nil, z, targets, func(r *InternalizerRecipe) { r.Rate = 1e38 }, "use a lower learning rate"},
	} {
		if try.ctx == nil {
			try.ctx = context.Background()
		}
		recipe := DefaultInternalizerRecipe()
		recipe.Hidden = 4
		if try.change != nil {
			try.change(&recipe)
		}
		_, _, err := TrainInternalizer(try.ctx, try.z, try.targets, recipe, func(int, float64) {})
		if err == nil || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%s: %v", name, err)
		}
		var zero *ZeroTargetError
		if name == "zero" && (!errors.As(err, &zero) || zero.Row != 5) {
			t.Errorf("%v", err)
		}
	}
}

// writeBad writes a matrix whose only NaN is in a row's third column.
func writeBad(t *testing.T, path string, rows, cols, bad int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const header = 128
	all := make(InMemory, rows)
	for i := range all {
		all[i] = make([]float32, cols)
		all[i][0] = 1
	}
	if err := npy.Write(file, all); err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{0, 0, 0xc0, 0x7f}, int64(header+4*(bad*cols+2))); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
