package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/steersight/steersight/internal/fixtures"
	"github.com/steersight/steersight/model"
)

// embeddingServer embeds texts for the tiny model, each in its own way.
func embeddingServer(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Inputs []string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Error(err)
		}
		var rows [][]float32
		for _, text := range request.Inputs {
			row := make([]float32, 24)
			for i := range row {
				sum := fnv.New32()
				fmt.Fprint(sum, i, text)
				row[i] = float32(sum.Sum32()%200) - 99.5
			}
			rows = append(rows, row)
		}
		json.NewEncoder(w).Encode(rows)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A run that names features goes on where it was interrupted, and keeps what
// people wrote into its file.
func TestLabelByChat(t *testing.T) {
	folder := t.TempDir()
	encoder := embeddingServer(t)
	call := func(ctx context.Context, args ...string) (talk string, code int) {
		var out bytes.Buffer
		code = run(ctx, append(args, "--embedding_server", encoder), nil, &out, &out)
		return out.String(), code
	}
	ix, output := filepath.Join(folder, "ix"), filepath.Join(folder, "labels.jsonl")
	if talk, code := call(t.Context(), "index", "--index", ix, "--input", documents(t, 60), "--reas", fixtures.Path("tiny", "internalizers"),
		"--mech", fixtures.Path("tiny", "good", "sae_plain.pt")); code != 0 {
		t.Fatal(talk)
	}
	var names atomic.Int64
	stop := func() {}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := "1, 2"
		if bytes.Contains(body, []byte("Name what they have in common")) {
			n := names.Add(1)
			if answer = fmt.Sprintf("name %d", n); n == 4 {
				stop()
				<-r.Context().Done()
			}
		}
		fmt.Fprintf(w, `{"choices":[{"message":{"content":%q}}]}`, answer)
	}))
	t.Cleanup(server.Close)
	label := []string{"label", "--index", ix, "--output", output, "--chat_model", "m", "--chat_server", server.URL, "--min_documents", "8", "--concurrency", "1"}
	talk, code := call(t.Context(), append(label, "--dry_run", "--price_input", "1", "--price_output", "1")...)
	if code != 0 || !strings.Contains(talk, " features to name\n") || !strings.Contains(talk, " questions: about ") || !strings.Contains(talk, " at these prices") {
		t.Errorf("exit code %d, %s", code, talk)
	}
	if _, err := os.Stat(output); !os.IsNotExist(err) || names.Load() != 0 {
		t.Errorf("a dry run wrote %v, or asked", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	stop = cancel
	talk, code = call(ctx, label...)
	if want := "steersight: interrupted; " + output + " has the labels made so far, run again to go on\n"; code != 1 || !strings.HasSuffix(talk, want) {
		t.Errorf("exit code %d, %s", code, talk)
	}
	labels, err := model.ReadLabelFile(output)
	if err != nil || len(labels) != 3 || labels[2].Label != "name 3" || labels[2].ChatScore == nil || labels[2].Score == nil {
		t.Fatalf("%v, %v", labels, err)
	}
	feature := labels[0].Feature
	if err := model.WriteLabelFile(output, append(labels, model.Label{Feature: feature, Label: "mine", Author: "me"})); err != nil {
		t.Fatal(err)
	}

	stop = func() {}
	names.Store(10)
	if talk, code = call(t.Context(), label...); code != 0 || !strings.Contains(talk, "by m          ") || !strings.Contains(talk, " labels, of which 3 were there; 0 features failed\n") {
		t.Errorf("exit code %d, %s", code, talk)
	}
	if labels, err = model.ReadLabelFile(output); err != nil {
		t.Fatal(err)
	}
	by := map[string]int{}
	for _, l := range labels {
		by[l.Author]++
	}
	if by["me"] != 1 || by["m"] != int(names.Load()-10)+3 || by["m"] < 8 {
		t.Errorf("labels by %v", by)
	}
	var stdout bytes.Buffer
	run(t.Context(), []string{"feature", fmt.Sprint(feature), "--index", ix}, nil, &stdout, io.Discard)
	if !strings.HasPrefix(stdout.String(), fmt.Sprintf("feature %d  mine\n", feature)) {
		t.Error(stdout.String())
	}
}
