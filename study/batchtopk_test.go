package study

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/steersight/steersight/gpu"
)

func TestKeepLargest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		codes := make([]gpu.Code, 5)
		var all []float32
		for i := range codes {
			for j := range 10 {
				a := 1 + float32(random.IntN(30)) // with ties
				codes[i].Features = append(codes[i].Features, uint32(j))
				codes[i].Activations = append(codes[i].Activations, a)
				all = append(all, a)
			}
		}
		slices.Sort(all)
		want := float32(0)
		if n < 50 && n > 0 {
			want = all[50-n]
		}
		before := slices.Clone(codes)
		got := keepLargest(codes, n)
		if n > 0 && got != want {
			t.Errorf("%d: the smallest kept is %v, not %v", n, got, want)
		}
		for i, code := range codes {
			for at, a := range before[i].Activations {
				if kept := slices.Contains(code.Features, uint32(at)); n > 0 && kept != (a >= want) {
					t.Errorf("%d: %v is kept: %v, and the smallest is %v", n, a, kept, want)
				}
			}
		}
	}
}

func TestTrainSAEBatchTopK(t *testing.T) {
	rows, _ := planted(6000, 32, 64, 4)
	recipe := smallRecipe()
	recipe.BatchTopK, recipe.Epochs = true, 20
	sae, report, err := TrainSAE(context.Background(), rows, recipe, SAEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if sae.K != 4 || sae.Threshold <= 0 || report.L0 < 3.6 || report.L0 > 4.4 || report.ExplainedVariance < 0.8 {
		t.Errorf("k %d, threshold %v, %+v", sae.K, sae.Threshold, report)
	}
	recipe.Threads, recipe.Epochs = 1, 2
	one, _, err := TrainSAE(context.Background(), rows, recipe, SAEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	recipe.Threads = 3
	three, _, err := TrainSAE(context.Background(), rows, recipe, SAEOptions{})
	if err != nil || !cmp.Equal(one, three) {
		t.Errorf("three threads give another result than one: %v", err)
	}
}
