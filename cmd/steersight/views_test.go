package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// chatServer writes views of the documents d0, d1, … It counts the documents it
// was asked about, a view each time, and hangs when stuck says so.
func chatServer(t *testing.T, asked *atomic.Int64, stuck func(id string) bool) string {
	id := regexp.MustCompile(`I am (d\d+)\b`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		found := id.FindSubmatch(body)
		if found == nil || r.Header.Get("Authorization") != "Bearer a-secret-key" {
			http.Error(w, "what is "+r.Header.Get("Authorization"), http.StatusBadRequest)
			return
		}
		if stuck(string(found[1])) {
			<-r.Context().Done()
			return
		}
		fmt.Fprintf(w, `{"choices":[{"message":{"content":"of %s"}}],"usage":{"prompt_tokens":1000,"completion_tokens":100}}`, found[1])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// documents writes n documents and returns their file.
func documents(t *testing.T, n int) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "{\"_id\":\"d%d\",\"text\":\"I am d%d.\"}\n", i, i)
	}
	path := filepath.Join(t.TempDir(), "docs.jsonl")
	if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// views are the lines that the server's views make.
func views(from, to int) string {
	var text strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&text, "{\"_id\":\"d%d\",\"qa\":\"of d%d\",\"summary\":\"of d%d\",\"purpose\":\"of d%d\"}\n", i, i, i, i)
	}
	return text.String()
}

// A run that is killed leaves whole lines, in order, but for the last; the next
// goes on from them.
func TestViewsKilled(t *testing.T) {
	t.Setenv("STEERSIGHT_CHAT_API_KEY", "a-secret-key")
	var before, asked atomic.Int64
	reached := make(chan bool)
	stuck := func(id string) bool {
		if id == "d20" {
			reached <- true
		}
		return id == "d20"
	}
	input, output := documents(t, 40), filepath.Join(t.TempDir(), "views.jsonl")
	run := exec.Command(os.Args[0], "views", "--input", input, "--output", output, "--chat_server", chatServer(t, &before, stuck), "--chat_model", "m")
	run.Args[0] = "steersight" // which the test binary is then
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	run.Wait()
	text, err := os.ReadFile(output)
	if n := bytes.Count(text, []byte("\n")); err != nil || n < 20-8 || n > 20 || string(text) != views(0, n) {
		t.Fatalf("%d lines, %v\n%s", n, err, text)
	}
	if err := os.WriteFile(output, text[:len(text)-7], 0o666); err != nil { // as if killed while it wrote
		t.Fatal(err)
	}
	whole := bytes.Count(text, []byte("\n")) - 1
	server := chatServer(t, &asked, func(string) bool { return false })
	stderr, code := runViews(t.Context(), input, output, server, "--price_input", "1", "--price_output", "10")
	if want := fmt.Sprintf("steersight: %d of 40 documents to do\n", 40-whole); code != 0 || !strings.HasPrefix(stderr, want) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	n := (40 - whole) * 3
	if want := fmt.Sprintf("steersight: the server counts %d tokens in, %d out, %.2f at these prices\n", n*1000, n*100, float64(n)/500); !strings.Contains(stderr, want) {
		t.Errorf("%swithout %s", stderr, want)
	}
	if text, err := os.ReadFile(output); err != nil || string(text) != views(0, 40) || int(asked.Load()) != n {
		t.Errorf("asked %d times, %v\n%s", asked.Load(), err, text)
	}
}

func runViews(ctx context.Context, input, output, server string, more ...string) (stderr string, code int) {
	var talk bytes.Buffer
	args := append([]string{"views", "--input", input, "--output", output, "--chat_server", server, "--chat_model", "m"}, more...)
	code = run(ctx, args, nil, io.Discard, &talk)
	return talk.String(), code
}

// An interrupted run says what is kept.
func TestViewsInterrupted(t *testing.T) {
	t.Setenv("STEERSIGHT_CHAT_API_KEY", "a-secret-key")
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	server := chatServer(t, &asked, func(id string) bool {
		if id == "d2" {
			cancel()
		}
		return id == "d2"
	})
	input, output := documents(t, 5), filepath.Join(t.TempDir(), "views.jsonl")
	stderr, code := runViews(ctx, input, output, server, "--concurrency", "1")
	want := "steersight: interrupted; " + output + " has the views of 2 documents, run again for the other 3\n"
	if code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// Documents that fail are counted, and no message has the key.
func TestViewsFailed(t *testing.T) {
	t.Setenv("STEERSIGHT_CHAT_API_KEY", "another-secret-key")
	var asked atomic.Int64
	server := chatServer(t, &asked, func(string) bool { return false })
	input, output := documents(t, 2), filepath.Join(t.TempDir(), "views.jsonl")
	stderr, code := runViews(t.Context(), input, output, server)
	want := "steersight: 2 of 2 documents failed, the last d1: " + server + "/v1/chat/completions: status 400: what is Bearer [secret]; run again to ask about them once more\n"
	text, err := os.ReadFile(output)
	if code != 1 || !strings.HasSuffix(stderr, want) || err != nil || strings.Count(string(text), `","error":"`) != 2 || strings.Contains(string(text)+stderr, "another-secret") {
		t.Errorf("exit code %d, %s\n%s%v", code, stderr, text, err)
	}
}
