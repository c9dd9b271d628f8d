package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/fixtures"
)

// TestEmbeddingServer explains with a server that answers the stored
// embeddings of the texts it is sent.
func TestEmbeddingServer(t *testing.T) {
	known := map[string][]float32{}
	golden := fixtures.Path("minilm384", "golden")
	queries := fixtures.Vectors(t, filepath.Join(golden, "query_embeddings.npy"))
	documents := fixtures.Vectors(t, filepath.Join(golden, "doc_embeddings.npy"))
	pairs, err := os.ReadFile(fixtures.Path("minilm384", "pairs.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(pairs)), "\n") {
		var pair struct{ Query, Doc string }
		if err := json.Unmarshal([]byte(line), &pair); err != nil {
			t.Fatal(err)
		}
		known["query: "+pair.Query], known["passage: "+pair.Doc] = queries[i], documents[i]
	}
	t.Setenv("STEERSIGHT_EMBEDDING_API_KEY", "a-secret-key")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Model string
			Input []string
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.Model != "minilm" || r.Header.Get("Authorization") != "Bearer a-secret-key" {
			http.Error(w, "what", http.StatusBadRequest)
			return
		}
		answer := struct {
			Embeddings [][]float32 `json:"embeddings"`
		}{}
		for _, text := range request.Input {
			answer.Embeddings = append(answer.Embeddings, known[text])
		}
		json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	explain := func(protocol, url string) (string, string, int) {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), []string{"explain", "--in", fixtures.Path("minilm384", "pairs.jsonl"), "--out", "-",
			"--embedding_server", url, "--embedding_protocol", protocol, "--emb", "minilm", "--b", "13",
			"--r", fixtures.Path("minilm384", "internalizers"), "--m", fixtures.Path("minilm384", "sae_d2048_k16.pt")}, nil, &stdout, &stderr)
		return stdout.String(), stderr.String(), code
	}
	want, err := os.ReadFile(filepath.Join(golden, "out_sae_d2048_k16_plain.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if got, talk, code := explain("ollama", server.URL); code != 0 || got != string(want) {
		t.Errorf("exit code %d, %s\n%.500s", code, talk, got)
	}
	if _, talk, code := explain("openai", server.URL); code != 1 || strings.Count(talk, "\n") != 1 || !strings.Contains(talk, server.URL) || strings.Contains(talk, "a-secret-key") {
		t.Errorf("exit code %d, %s", code, talk)
	}
	if _, talk, code := explain("smtp", server.URL); code != 1 || !strings.Contains(talk, `unknown protocol "smtp"`) {
		t.Errorf("exit code %d, %s", code, talk)
	}
}
