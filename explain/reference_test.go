package explain_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/fixtures"
	"github.com/steersight/steersight/model"
)

// TestReferenceOutput holds the output to the reference program's, byte for
// byte, from the embeddings that it had.
func TestReferenceOutput(t *testing.T) {
	for _, c := range []struct {
		sae, labels, suffix string
		threshold           float32
	}{
		{"sae_d2048_k16", "", "plain", 0},
		{"sae_d2048_k16", "hypotheses_d2048.txt", "hypotheses", 0},
		{"sae_d2048_k16", "", "tau0.05", 0.05},
		{"sae_d2048_k16", "", "tau0.15", 0.15},
		{"sae_d4096_k64", "", "plain", 0},
		{"sae_d4096_k64", "hypotheses_d4096.txt", "hypotheses", 0},
		{"sae_d4096_k64", "", "tau0.05", 0.05},
		{"sae_d4096_k64", "", "tau0.15", 0.15},
	} {
		t.Run(c.sae+"_"+c.suffix, func(t *testing.T) {
			folder := fixtures.Path("minilm384")
			if c.sae != "sae_d2048_k16" {
				folder = fixtures.More(t, "minilm384")
			}
			options := explain.Options{Threshold: c.threshold}
			if c.labels != "" {
				labels, err := model.ReadLabels(filepath.Join(folder, c.labels))
				if err != nil {
					t.Fatal(err)
				}
				options.Labels = labels
			}
			want, err := os.ReadFile(filepath.Join(folder, "golden", fmt.Sprintf("out_%s_%s.jsonl", c.sae, c.suffix)))
			if err != nil {
				t.Fatal(err)
			}
			if got := explainStored(t, folder, c.sae, options); !bytes.Equal(got, want) {
				t.Errorf("the output differs:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// explainStored explains the pairs of a fixture folder from its embeddings.
func explainStored(t testing.TB, folder, sae string, options explain.Options) []byte {
	t.Helper()
	s, err := model.ReadSAE(filepath.Join(folder, sae+".pt"), model.SAEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := model.ReadInternalizers(filepath.Join(folder, "internalizers"))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := gpu.Open(s, r[:], gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := explain.New(engine, options)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join(folder, "golden")
	source, err := explain.OpenStored(filepath.Join(golden, "query_embeddings.npy"), filepath.Join(golden, "doc_embeddings.npy"), s.Dim)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	pairs, err := os.Open(filepath.Join(folder, "pairs.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer pairs.Close()
	var out bytes.Buffer
	if _, err := x.Run(context.Background(), explain.NewPairReader(pairs, "pairs.jsonl"), source, 7, explain.Reference, &out, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
