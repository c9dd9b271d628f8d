package study

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/internal/npy"
	"github.com/steersight/steersight/model"
)

// planted are rows made of k of some random unit atoms each, and the atoms.
func planted(n, dim, atoms, k int) (rows, dictionary InMemory) {
	dictionary = unit(randomRows(21, atoms, dim))
	random := rand.New(rand.NewPCG(22, 23))
	rows = make(InMemory, n)
	for i := range rows {
		rows[i] = make([]float32, dim)
		rows[i][0] = 1 // not centred
		for _, j := range random.Perm(atoms)[:k] {
			a := float32(0.5 + random.Float64())
			for d, x := range dictionary[j] {
				rows[i][d] += a * x
			}
		}
	}
	return rows, dictionary
}

// smallRecipe is for rows that planted makes of 64 atoms.
func smallRecipe() SAERecipe {
	return SAERecipe{Features: 64, K: 4, Epochs: 40, Batch: 128, Rate: 3e-3, WarmUp: 0.05, AuxK: 8, DeadSteps: 50, HeldOut: 0.1, Seed: 1, Threads: 2}
}

func TestTrainSAERecoversAtoms(t *testing.T) {
	rows, atoms := planted(6000, 32, 64, 4)
	sae, report, err := TrainSAE(context.Background(), rows, smallRecipe(), SAEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mean := 0.
	for _, atom := range atoms {
		best := 0.
		for j := range sae.Features {
			best = max(best, kernel.Dot(atom, sae.Decoder[j*32:][:32]))
		}
		mean += best / float64(len(atoms))
	}
	if mean < 0.9 {
		t.Errorf("the decoder's columns nearest to the atoms have a mean cosine of %v", mean)
	}
	if report.ExplainedVariance < 0.85 || report.Dead > 0.05 || report.L0 > 4 || report.L0 < 3.5 || report.Trained != 5400 || report.HeldOut != 600 {
		t.Errorf("%+v", report)
	}
	var text strings.Builder
	if err := report.Print(&text); err != nil || !strings.Contains(text.String(), "64 features, k = 4; 5400 rows to train on, 600 held out") {
		t.Errorf("%v\n%s", err, &text)
	}
	testRoundTrip(t, sae, rows[:200])
}

// testRoundTrip writes and reads an SAE, and compares its codes.
func testRoundTrip(t *testing.T, sae *model.SAE, rows [][]float32) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sae.safetensors")
	if err := model.WriteSAE(path, sae); err != nil {
		t.Fatal(err)
	}
	got, err := model.ReadSAE(path, model.SAEOptions{})
	if err != nil || !cmp.Equal(got, sae) {
		t.Fatal("differs after writing", err)
	}
	engine, err := gpu.Open(got, nil, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := engine.Encode(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	d := &dictionary{sae: sae, recipe: SAERecipe{Threads: 1, DeadSteps: 1}, variance: 1, dead: make([]int32, sae.Features), fired: make([]int32, sae.Features)}
	if _, err := d.losses(&gathered{flat(rows), rows}); err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(codes, d.main.codes) {
		t.Error("codes differ from those of the training")
	}
}

// Features that no row chooses come to life by their own loss, and not without it.
func TestAuxLossRevives(t *testing.T) {
	rows, _ := planted(512, 32, 64, 4)
	s := newSums(32)
	for _, row := range rows {
		s.add(row)
	}
	dead := func(auxK int) (n int) {
		recipe := smallRecipe()
		recipe.AuxK, recipe.DeadSteps = auxK, 10
		d := newDictionary(s.mean(), s.squares()/512, recipe)
		for j := range 32 {
			d.sae.EncoderBias[j] = -1
		}
		for range 300 {
			if _, err := d.step(&gathered{flat(rows), rows}, 3e-3); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range d.fired {
			if d.steps-int(step) > 10 {
				n++
			}
		}
		return n
	}
	if with, without := dead(8), dead(0); with > 16 || without < 30 {
		t.Errorf("of 64 features %d are dead, and %d without a loss of their own", with, without)
	}
}

// Threads and interrupts change no bit of the result.
func TestTrainSAEIsDeterministic(t *testing.T) {
	rows, _ := planted(1500, 32, 64, 4)
	recipe := smallRecipe()
	recipe.Features, recipe.Epochs, recipe.DeadSteps, recipe.Threads = 200, 5, 5, 1
	train := func(recipe SAERecipe) (*model.SAE, *SAEReport) {
		sae, report, err := TrainSAE(context.Background(), rows, recipe, SAEOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return sae, report
	}
	want, wantReport := train(recipe)
	recipe.Threads = 3
	if got, report := train(recipe); !cmp.Equal(got, want) || !cmp.Equal(report, wantReport) {
		t.Error("three threads give another result than one")
	}
	other := recipe
	other.Seed = 2
	if got, _ := train(other); cmp.Equal(got, want) {
		t.Error("another seed gives the same result")
	}

	path := filepath.Join(t.TempDir(), "sae.safetensors")
	for _, stopAfter := range []int{1, 17, 41} {
		ctx, stop := context.WithCancel(context.Background())
		_, _, err := TrainSAE(ctx, rows, recipe, SAEOptions{Checkpoint: path, Every: 1 << 40, Progress: func(step, steps int, _ float64) {
			if step == stopAfter {
				stop()
			}
			if steps != wantReport.Steps || step > stopAfter {
				t.Errorf("step %d of %d", step, steps)
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after step %d: %v", stopAfter, err)
		}
	}
	first := 0
	sae, report, err := TrainSAE(context.Background(), rows, recipe, SAEOptions{Checkpoint: path, Progress: func(step, _ int, _ float64) {
		if first == 0 {
			first = step
		}
	}})
	if err != nil || first != 42 || !cmp.Equal(sae, want) || !cmp.Equal(report, wantReport) {
		t.Errorf("a run resumed at step %d ends otherwise: %v", first, err)
	}
	// Done is done: what is kept gives the same again, without a step.
	sae, _, err = TrainSAE(context.Background(), rows, recipe, SAEOptions{Checkpoint: path, Progress: func(int, int, float64) { t.Error("a step") }})
	if err != nil || !cmp.Equal(sae, want) {
		t.Error(err)
	}
	for name, change := range map[string]func(*SAERecipe){
		"seed": func(r *SAERecipe) { r.Seed++ }, "features": func(r *SAERecipe) { r.Features++ }, "steps": func(r *SAERecipe) { r.Steps = 3 },
	} {
		other := recipe
		change(&other)
		if _, _, err := TrainSAE(context.Background(), rows, other, SAEOptions{Checkpoint: path}); err == nil || !strings.Contains(err.Error(), "keeps another training") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, _, err := TrainSAE(context.Background(), rows[1:], recipe, SAEOptions{Checkpoint: path}); err == nil {
		t.Error("other rows")
	}
}

// The bits are the same on every machine, and from one version to the next.
func TestTrainSAEHasOneResult(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 32))
	rows := make(InMemory, 400)
	for i := range rows {
		rows[i] = make([]float32, 33)
		for d := range rows[i] {
			rows[i][d] = float32(2*random.Float64() - 1)
		}
	}
	recipe := smallRecipe()
	recipe.Features, recipe.Epochs, recipe.DeadSteps = 100, 8, 3
	sae, report, err := TrainSAE(context.Background(), rows, recipe, SAEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const want = "29e4146a1af893c7bb11b6aec5f08589bea37c23d50e5d2291466bb97f2df45f"
	if got := sae.Fingerprint(); got != want {
		t.Errorf("the fingerprint is %s, not %s: %+v", got, want, report)
	}
}

func TestRate(t *testing.T) {
	r := SAERecipe{Rate: 1, WarmUp: 0.1}
	for i, want := range map[int]float64{0: 0.1, 8: 0.9, 9: 1, 50: 1, 80: 1, 90: 0.5, 99: 0.05} {
		near(t, "rate", r.rate(i, 100), want)
	}
	r.WarmUp = 0
	near(t, "no warm-up", r.rate(0, 100), 1)
}

func TestTrainSAEErrors(t *testing.T) {
	rows, _ := planted(40, 8, 16, 2)
	path := filepath.Join(t.TempDir(), "bad.npy")
	writeBad(t, path, 40, 8, 13)
	bad, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	for name, try := range map[string]struct {
		rows   Vectors
		change func(*SAERecipe)
		want   string
	}{
		"few":      {rows[:1], nil, "1 rows are too few"},
		"equal":    {slices.Repeat(rows[:1], 40), nil, "all rows that are trained on are equal"},
		"nan":      {bad, nil, path + ": row 13, column 2: "},
		"k":        {rows, func(r *SAERecipe) { r.K = 65 }, "65 of 64 features cannot be active"},
		"large":    {rows, func(r *SAERecipe) { r.Features = 1 << 28 }, "268435456 features of 8 numbers are too large a model"},
		"steps":    {rows, func(r *SAERecipe) { r.Epochs = 1 << 40 }, "steps are too many"},
		"epochs":   {rows, func(r *SAERecipe) { r.Epochs = 0 }, "must be 1 or more"},
		"aux":      {rows, func(r *SAERecipe) { r.AuxK = -1 }, "must be 0 or more"},
		"rate":     {rows, func(r *SAERecipe) { r.Rate = math.Inf(1) }, "learning rate is +Inf"},
		"warm-up":  {rows, func(r *SAERecipe) { r.WarmUp = 2 }, "warm up is 2"},
		"held out": {rows, func(r *SAERecipe) { r.HeldOut = 0 }, "held out is 0"},
		"diverges": {rows, func(r *SAERecipe) { r.Rate = 1e30 }, "step"},
	} {
		recipe := smallRecipe()
		if try.change != nil {
			try.change(&recipe)
		}
		_, _, err := TrainSAE(context.Background(), try.rows, recipe, SAEOptions{})
		if err == nil || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
