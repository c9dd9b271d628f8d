package gpu_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/fixtures"
	"github.com/steersight/steersight/model"
)

// The reference program's own results, made by torch in float32.

var ctx = context.Background()

func open(t *testing.T, sae string, internalizers string) *gpu.Engine {
	t.Helper()
	s, err := model.ReadSAE(sae, model.SAEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := model.ReadInternalizers(internalizers)
	if err != nil {
		t.Fatal(err)
	}
	e, err := gpu.Open(s, r[:], gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func maxDifference(t *testing.T, got, want [][]float32) (worst float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("row %d has %d numbers, want %d", i, len(got[i]), len(want[i]))
		}
		for j := range want[i] {
			worst = max(worst, math.Abs(float64(got[i][j])-float64(want[i][j])))
		}
	}
	return worst
}

func TestReferenceMiniLM(t *testing.T) {
	for _, name := range []string{"sae_d2048_k16", "sae_d4096_k64"} {
		t.Run(name, func(t *testing.T) {
			folder := fixtures.Path("minilm384") // a part of what STEERSIGHT_FIXTURES has
			if name != "sae_d2048_k16" || os.Getenv("STEERSIGHT_FIXTURES") != "" {
				folder = fixtures.More(t, "minilm384")
			}
			golden := filepath.Join(folder, "golden")
			e := open(t, filepath.Join(folder, name+".pt"), filepath.Join(folder, "internalizers"))
			documents := fixtures.Vectors(t, filepath.Join(golden, "doc_embeddings.npy"))
			views, err := e.Views(ctx, documents)
			if err != nil {
				t.Fatal(err)
			}
			vectors := map[string][][]float32{
				"query": fixtures.Vectors(t, filepath.Join(golden, "query_embeddings.npy")), "original": documents}
			for i, view := range model.InternalizerViews() {
				if d := maxDifference(t, views[i], fixtures.Vectors(t, filepath.Join(golden, "view_"+string(view)+".npy"))); d > 1e-6 {
					t.Errorf("view %s is off by %v", view, d)
				}
				vectors[string(view)] = views[i]
			}
			for view, rows := range vectors {
				checkGolden(t, e, rows, filepath.Join(golden, name+"_"+view))
			}
		})
	}
}

// checkGolden compares codes and reconstructions with the files that begin
// with prefix.
func checkGolden(t *testing.T, e *gpu.Engine, rows [][]float32, prefix string) {
	t.Helper()
	codes, err := e.Encode(ctx, rows)
	if err != nil {
		t.Fatal(err)
	}
	ids, activations := fixtures.Integers(t, prefix+"_ids.npy"), fixtures.Vectors(t, prefix+"_acts.npy")
	for i, code := range codes {
		for at, j := range code.Features {
			if at >= len(ids[i]) || int64(j) != ids[i][at] {
				t.Errorf("%s: row %d: features %v, want %v", filepath.Base(prefix), i, code.Features, ids[i])
				break
			}
			if d := math.Abs(float64(code.Activations[at] - activations[i][at])); d > 1e-5 {
				t.Errorf("%s: row %d: activation of feature %d is off by %v", filepath.Base(prefix), i, j, d)
			}
		}
		if len(code.Features) != len(ids[i]) {
			t.Errorf("%s: row %d: %d features, want %d", filepath.Base(prefix), i, len(code.Features), len(ids[i]))
		}
	}
	if _, err := os.Stat(prefix + "_recon.npy"); err == nil {
		if d := maxDifference(t, e.Decode(codes), fixtures.Vectors(t, prefix+"_recon.npy")); d > 1e-5 {
			t.Errorf("%s: the reconstruction is off by %v", filepath.Base(prefix), d)
		}
	}
}

// dense spreads codes out over all features.
func dense(codes []gpu.Code, features int) [][]float32 {
	rows := make([][]float32, len(codes))
	for i, code := range codes {
		rows[i] = make([]float32, features)
		for at, j := range code.Features {
			rows[i][j] = code.Activations[at]
		}
	}
	return rows
}

func TestReferenceTiny(t *testing.T) {
	inputs := fixtures.Vectors(t, fixtures.Path("tiny", "inputs.npy"))
	files, err := filepath.Glob(fixtures.Path("tiny", "good", "sae_*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no good checkpoints", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			variant := strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "sae_")
			if _, err := os.Stat(fixtures.Path("tiny", "golden", variant+"__codes.npy")); err != nil {
				variant = "plain" // another encoding of the same weights
			}
			golden := fixtures.Path("tiny", "golden", variant+"__")
			e := open(t, file, fixtures.Path("tiny", "internalizers"))
			codes, err := e.Encode(ctx, inputs)
			if err != nil {
				t.Fatal(err)
			}
			threshold, err := e.EncodeThreshold(ctx, inputs)
			if err != nil {
				t.Fatal(err)
			}
			for what, got := range map[string][][]float32{
				"codes": dense(codes, 96), "codes_threshold_mode": dense(threshold, 96), "reconstruction": e.Decode(codes)} {
				want := fixtures.Vectors(t, golden+what+".npy")
				if d := maxDifference(t, got, want); d > 1e-5 {
					t.Errorf("%s is off by %v", what, d)
				}
				if what != "reconstruction" && !reflect.DeepEqual(nonZero(got), nonZero(want)) {
					t.Errorf("%s: other features", what)
				}
			}
		})
	}
	e := open(t, fixtures.Path("tiny", "good", "sae_plain.pt"), fixtures.Path("tiny", "internalizers"))
	views, err := e.Views(ctx, inputs)
	if err != nil {
		t.Fatal(err)
	}
	for i, view := range model.InternalizerViews() {
		if d := maxDifference(t, views[i], fixtures.Vectors(t, fixtures.Path("tiny", "golden", "internalizer_"+string(view)+".npy"))); d > 1e-6 {
			t.Errorf("view %s is off by %v", view, d)
		}
	}
}

func nonZero(rows [][]float32) [][]bool {
	is := make([][]bool, len(rows))
	for i, row := range rows {
		is[i] = make([]bool, len(row))
		for j, x := range row {
			is[i][j] = x != 0
		}
	}
	return is
}
