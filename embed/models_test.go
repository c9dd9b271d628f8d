package embed

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// fromEnv returns the directory that an environment variable names. Without
// it the test is skipped, but in CI it fails.
func fromEnv(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv(name)
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: CI needs it", name)
		}
		t.Skipf("%s is not set", name)
	}
	return dir
}

// referencePairs returns the fixtures' queries and documents with the prefixes
// that their vectors were made with.
func referencePairs(t testing.TB, fixtures string) (queries, docs []string) {
	t.Helper()
	file, err := os.Open(filepath.Join(fixtures, "minilm384", "pairs.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var pair struct{ Query, Doc string }
		if err := json.Unmarshal(lines.Bytes(), &pair); err != nil {
			t.Fatal(err)
		}
		queries, docs = append(queries, "query: "+pair.Query), append(docs, "passage: "+pair.Doc)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return queries, docs
}

func TestModelsGiveTheReferencesVectors(t *testing.T) {
	models, fixtures := fromEnv(t, "STEERSIGHT_MODELS"), fromEnv(t, "STEERSIGHT_FIXTURES")
	queries, docs := referencePairs(t, fixtures)
	var meta struct {
		Queries []int `json:"token_counts_query_with_prefix_before_truncation"`
		Docs    []int `json:"token_counts_doc_with_prefix_before_truncation"`
	}
	readTestJSON(t, filepath.Join(fixtures, "minilm384", "golden", "meta.json"), &meta)
	for _, m := range []struct {
		model, vectors string
		window         int
	}{
		{"minilm", "minilm384/golden", 256},
		{"e5-small-v2", "e5small384", 512},
	} {
		t.Run(m.model, func(t *testing.T) {
			f, err := OpenFolder(filepath.Join(models, m.model), FolderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Window() != m.window || f.Dim() != 384 {
				t.Errorf("window %d and %d numbers, want %d and 384", f.Window(), f.Dim(), m.window)
			}
			for _, side := range []struct {
				file   string
				texts  []string
				counts []int
			}{
				{"query_embeddings.npy", queries, meta.Queries},
				{"doc_embeddings.npy", docs, meta.Docs},
			} {
				for i, text := range side.texts {
					if got := len(f.Tokens(text)); got != side.counts[i] {
						t.Errorf("%s: text %d has %d tokens, want %d", side.file, i, got, side.counts[i])
					}
				}
				got, err := f.Encode(t.Context(), side.texts)
				if err != nil {
					t.Fatal(err)
				}
				diff, cosine := distance(got, readVectors(t, filepath.Join(fixtures, m.vectors, side.file), f.Dim()))
				t.Logf("%s: largest difference %.2g, smallest cosine %.9f", side.file, diff, cosine)
				if diff > 1e-6 || cosine < 0.99999 {
					t.Errorf("%s: vectors differ by up to %g, want at most 1e-6", side.file, diff)
				}
			}
		})
	}
}

// benchmarkEncode measures texts of n tokens, the tokens around included.
func benchmarkEncode(b *testing.B, n int) {
	folders := map[string]string{"tiny": filepath.Join(tinyDir, "mean")}
	if models := os.Getenv("STEERSIGHT_MODELS"); models != "" {
		folders["minilm"] = filepath.Join(models, "minilm")
		folders["e5-small-v2"] = filepath.Join(models, "e5-small-v2")
	}
	for _, name := range []string{"tiny", "minilm", "e5-small-v2"} {
		if folders[name] == "" {
			continue
		}
		b.Run(name, func(b *testing.B) {
			f, err := OpenFolder(folders[name], FolderOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			tokens := min(n, f.Window())
			text := ""
			for range tokens - 2 {
				text += "a "
			}
			texts := []string{text, text, text, text}
			for b.Loop() {
				if _, err := f.Encode(b.Context(), texts); err != nil {
					b.Fatal(err)
				}
			}
			seconds := b.Elapsed().Seconds() / float64(b.N*len(texts))
			b.ReportMetric(1/seconds, "texts/s")
			b.ReportMetric(float64(tokens)/seconds, "tokens/s")
		})
	}
}

func BenchmarkEncode16(b *testing.B)  { benchmarkEncode(b, 16) }
func BenchmarkEncode128(b *testing.B) { benchmarkEncode(b, 128) }
func BenchmarkEncode256(b *testing.B) { benchmarkEncode(b, 256) }
