package explain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/steersight/steersight/embed"
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
			if got := explainFixture(t, folder, c.sae, options, nil); !bytes.Equal(got, want) {
				t.Errorf("the output differs:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// explainFixture explains the pairs of a fixture folder, from its embeddings
// where source is nil.
func explainFixture(t testing.TB, folder, sae string, options explain.Options, source explain.Source) []byte {
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
	if source == nil {
		golden := filepath.Join(folder, "golden")
		stored, err := explain.OpenStored(filepath.Join(golden, "query_embeddings.npy"), filepath.Join(golden, "doc_embeddings.npy"), s.Dim)
		if err != nil {
			t.Fatal(err)
		}
		defer stored.Close()
		source = stored
	}
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

// TestReferenceFromText explains from the texts with the real encoder. Features
// must be the reference's for every pair whose activations are more than 1e-4
// apart at the k-th, which is far more than encoders differ.
func TestReferenceFromText(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a real encoder")
	}
	folder := fixtures.More(t, "minilm384")
	encoder, err := embed.OpenFolder(fixtures.Model(t, "minilm"), embed.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	var meta struct {
		SAEs map[string]struct {
			Pairs []int `json:"pairs_with_all_margins_above_1e_4"`
		} `json:"saes"`
	}
	text, err := os.ReadFile(filepath.Join(folder, "golden", "meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	for _, sae := range []string{"sae_d2048_k16", "sae_d4096_k64"} {
		source := &explain.Texts{Encoder: encoder, QueryPrefix: explain.E5QueryPrefix, DocumentPrefix: explain.E5DocumentPrefix, Dim: encoder.Dim()}
		got := bytes.Split(explainFixture(t, folder, sae, explain.Options{}, source), []byte("\n"))
		output, err := os.ReadFile(filepath.Join(folder, "golden", "out_"+sae+"_plain.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Split(output, []byte("\n"))
		for i := range want {
			same := len(got) == len(want) && bytes.Equal(got[i], want[i])
			if slices.Contains(meta.SAEs[sae+".pt"].Pairs, i) && !same {
				t.Errorf("%s, pair %d: %s, want %s", sae, i, got[i], want[i])
			} else if !same {
				t.Logf("%s, pair %d, within rounding: %s, want %s", sae, i, got[i], want[i])
			}
		}
	}
}
