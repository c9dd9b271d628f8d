package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// number is the vector that the test servers make of a text that is a number:
// {1, n}, so that each answer tells which text it belongs to.
func number(text string) []float64 {
	var n float64
	fmt.Sscan(text, &n)
	return []float64{1, n}
}

// fakeServer speaks all three protocols, and OpenAI's backwards.
func fakeServer(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var question struct {
			Model     string
			Inputs    []string
			Input     []string
			Normalize bool
			Truncate  bool
			Encoding  string `json:"encoding_format"`
		}
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
		}
		vectors := [][]float64{}
		for _, text := range append(question.Inputs, question.Input...) {
			vectors = append(vectors, number(text))
		}
		answer := any(vectors)
		switch asked := fmt.Sprintf("%s %q %v %v %q", r.URL.Path, question.Model, question.Normalize, question.Truncate, question.Encoding); asked {
		case `/embed "" true true ""`:
		case `/api/embed "m" false true ""`:
			answer = map[string]any{"model": "m", "embeddings": vectors}
		case `/v1/embeddings "m" false false "float"`:
			answer = map[string]any{"object": "list", "data": backwards(vectors)}
		default:
			t.Errorf("asked %s", asked)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}
}

func backwards(vectors [][]float64) []any {
	data := []any{}
	for i, v := range slices.Backward(vectors) {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": v})
	}
	return data
}

// openTest opens an encoder on a server that lives as long as the test, and
// checks at its end that no goroutine is left.
func openTest(t *testing.T, options ServerOptions, handler http.HandlerFunc) *Server {
	t.Helper()
	before := runtime.NumGoroutine()
	server := httptest.NewServer(handler)
	options.URL = strings.Replace(options.URL, "http://server", server.URL, 1)
	if options.URL == "" {
		options.URL = server.URL
	}
	s, err := OpenServer(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
		for start := time.Now(); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Since(start) > time.Second {
				t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
				return
			}
		}
	})
	return s
}

// numbers are the texts "0", "1", … up to n.
func numbers(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint(i)
	}
	return texts
}

// checkNumbers checks that the vectors are those of numbers, at unit length.
func checkNumbers(t *testing.T, vectors [][]float32, err error, n int) {
	t.Helper()
	if err != nil || len(vectors) != n {
		t.Fatalf("%d vectors for %d texts, %v", len(vectors), n, err)
	}
	for i, v := range vectors {
		norm := math.Hypot(1, float64(i))
		if want := []float32{float32(1 / norm), float32(float64(i) / norm)}; !slices.Equal(v, want) {
			t.Errorf("text %d: %v, want %v", i, v, want)
		}
	}
}

func TestServerProtocols(t *testing.T) {
	for _, options := range []ServerOptions{
		{Protocol: TEI},
		{Protocol: TEI, URL: "http://server/embed"},
		{Protocol: Ollama, Model: "m"},
		{Protocol: OpenAI, Model: "m"},
		{Protocol: OpenAI, Model: "m", URL: "http://server/v1/"},
		{Protocol: OpenAI, Model: "m", URL: "http://server/v1/embeddings"},
	} {
		t.Run(string(options.Protocol)+"/"+options.URL, func(t *testing.T) {
			options.BatchSize = 3
			s := openTest(t, options, fakeServer(t))
			if s.Dim() != 0 {
				t.Errorf("dimension %d before the first answer", s.Dim())
			}
			vectors, err := s.Encode(t.Context(), numbers(11))
			checkNumbers(t, vectors, err, 11)
			if s.Dim() != 2 {
				t.Errorf("dimension %d", s.Dim())
			}
		})
	}
}

func TestServerNoTexts(t *testing.T) {
	s := openTest(t, ServerOptions{Protocol: TEI}, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	if vectors, err := s.Encode(t.Context(), nil); err != nil || len(vectors) != 0 {
		t.Errorf("%v, %v", vectors, err)
	}
}

func TestServerConcurrency(t *testing.T) {
	var now, most atomic.Int64
	answer := fakeServer(t)
	s := openTest(t, ServerOptions{Protocol: TEI, BatchSize: 1, Concurrency: 3}, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Millisecond)
		answer(w, r)
	})
	done := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := s.Encode(t.Context(), numbers(20))
			done <- err
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
	if most.Load() > 3 {
		t.Errorf("%d requests at once", most.Load())
	}
}

func TestServerSendsKey(t *testing.T) {
	answer := fakeServer(t)
	s := openTest(t, ServerOptions{Protocol: TEI, APIKey: "sk-123", URL: "http://server/?version=2"}, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer sk-123" || r.URL.RawQuery != "version=2" {
			t.Errorf("sent %q, query %q", got, r.URL.RawQuery)
		}
		answer(w, r)
	})
	vectors, err := s.Encode(t.Context(), numbers(1))
	checkNumbers(t, vectors, err, 1)
}

// What is secret is in no error and no log, even if the server repeats it.
func TestServerKeepsSecrets(t *testing.T) {
	const key, password, query = "sk-secret-1", "hunter22", "token-value-3"
	var log bytes.Buffer
	url := "http://me:" + password + "@server.invalid/base?token=" + query
	answer := func(r *http.Request) (*http.Response, error) {
		if r.ContentLength > 60 {
			return nil, errors.New("no route for " + r.URL.String())
		}
		body := strings.Repeat("x", 150) + strings.Join([]string{key, password, query}, "\n") + strings.Repeat("y", 300)
		return &http.Response{StatusCode: 401, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	options := ServerOptions{Protocol: TEI, URL: url, APIKey: key, Retries: -1,
		HTTPClient: &http.Client{Transport: roundTrip(answer)}, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	s, err := OpenServer(options)
	if err != nil {
		t.Fatal(err)
	}
	_, refused := s.Encode(t.Context(), []string{"a"})
	_, lost := s.Encode(t.Context(), []string{strings.Repeat("long ", 20)})
	options.Logger.Info("options", "options", options, "server", s)
	for _, text := range []string{refused.Error(), lost.Error(), log.String(), fmt.Sprintf("%v %+v", options, s)} {
		for _, secret := range []string{key, password, query} {
			if strings.Contains(text, secret) {
				t.Errorf("%q shows %q", text, secret)
			}
		}
	}
	if want := "embed: http://server.invalid/base/embed: status 401: xxx"; !strings.HasPrefix(refused.Error(), want) {
		t.Errorf("%q", refused)
	}
	if e := (*ServerError)(nil); !errors.As(refused, &e) || len([]rune(e.Message)) != 200 {
		t.Errorf("message not cut: %q", refused)
	}
}

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestServerBadAnswers(t *testing.T) {
	openAI := func(items ...string) string { return `{"data":[` + strings.Join(items, ",") + `]}` }
	item := func(index int, v string) string { return fmt.Sprintf(`{"index":%d,"embedding":%s}`, index, v) }
	for _, test := range []struct {
		name     string
		protocol Protocol
		answer   string
		want     string
	}{
		{"few", TEI, `[[1,0]]`, "1 vectors for 2 texts"},
		{"many", Ollama, `{"embeddings":[[1],[2],[3]]}`, "3 vectors for 2 texts"},
		{"none", Ollama, `{"error":"no"}`, "0 vectors for 2 texts"},
		{"null", TEI, `null`, "0 vectors for 2 texts"},
		{"uneven", TEI, `[[1,0],[1]]`, "text 1: vector of 1 dimensions, not 2"},
		{"NaN", TEI, `[[1,0],[NaN,1]]`, "invalid character 'N'"},
		{"null component", TEI, `[[1,0],[1,null]]`, "text 1: component 1: null is not a float32"},
		{"text component", TEI, `[[1,0],["1,2",1]]`, "text 1: component 0: \"1 is not"},
		{"nested", TEI, `[[1,0],[[1,0]]]`, "text 1: component 0: [1 is not"},
		{"too large", TEI, `[[1,0],[1e39,0]]`, "text 1: component 0: 1e39 is not a float32"},
		{"out of range", TEI, `[[1,0],[1,1e999]]`, "component 1: 1e999"},
		{"zero", TEI, `[[1,0],[0,-0.0]]`, "text 1: vector of length zero"},
		{"empty vector", TEI, `[[],[]]`, "text 0: empty vector"},
		{"base64", OpenAI, openAI(item(0, `"AAAA"`), item(1, `[1]`)), "text 0: not an array of numbers"},
		{"null vector", OpenAI, openAI(item(0, `null`), item(1, `[1]`)), "text 0: not an array of numbers"},
		{"index twice", OpenAI, openAI(item(1, `[1]`), item(1, `[1]`)), "index 1 twice"},
		{"index outside", OpenAI, openAI(item(0, `[1]`), item(2, `[1]`)), "index 2 for 2 texts"},
		{"no index", OpenAI, openAI(item(0, `[1]`), `{"embedding":[1]}`), "without index"},
		{"no embedding", OpenAI, openAI(item(0, `[1]`), `{"index":1}`), "index 1 without embedding"},
		{"other protocol", TEI, `{"embeddings":[[1],[2]]}`, "does not fit the protocol: unexpected object"},
		{"two values", TEI, `[[1],[2]] [[1],[2]]`, "after top-level value"},
		{"html", TEI, `<html>`, "does not fit the protocol"},
		{"cut", TEI, `[[1,0],[1`, "unexpected end of JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := 0
			s := openTest(t, ServerOptions{Protocol: test.protocol, Model: "m"}, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				io.WriteString(w, test.answer)
			})
			_, err := s.Encode(t.Context(), numbers(2))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "status 200") {
				t.Errorf("%v, want %q", err, test.want)
			}
			if asked != 1 || s.Dim() != 0 {
				t.Errorf("asked %d times, dimension %d", asked, s.Dim())
			}
		})
	}
}

func TestServerDimension(t *testing.T) {
	s := openTest(t, ServerOptions{Protocol: TEI, Dim: 3, BatchSize: 2, Concurrency: 1}, fakeServer(t))
	_, err := s.Encode(t.Context(), numbers(2))
	if err == nil || !strings.Contains(err.Error(), "text 0: vector of 2 dimensions, not 3") {
		t.Error(err)
	}
	s = openTest(t, ServerOptions{Protocol: TEI, BatchSize: 2, Concurrency: 1}, func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); bytes.Contains(body, []byte(`"4"`)) {
			io.WriteString(w, `[[1,2,3]]`)
			return
		}
		io.WriteString(w, `[[1,2],[1,2]]`)
	})
	_, err = s.Encode(t.Context(), numbers(5))
	if err == nil || !strings.Contains(err.Error(), "text 4: vector of 3 dimensions, not 2") {
		t.Error(err)
	}
}

func TestServerHugeAnswer(t *testing.T) {
	var sent int64
	s := openTest(t, ServerOptions{Protocol: TEI}, func(w http.ResponseWriter, _ *http.Request) {
		for block := bytes.Repeat([]byte(" "), 1<<16); sent < 1<<30; sent += 1 << 16 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	_, err := s.Encode(t.Context(), numbers(1))
	if err == nil || !strings.Contains(err.Error(), "answer of more than 1115136 bytes for 1 texts") {
		t.Error(err)
	}
}

func TestServerHalfAnswer(t *testing.T) {
	s := openTest(t, ServerOptions{Protocol: TEI, Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `[[1,0],[`)
	})
	_, err := s.Encode(t.Context(), numbers(2))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "answer broke off") {
		t.Error(err)
	}
}

// A server that fails for a passing reason is asked again, and what is said of
// it names the package and the endpoint. It runs on synctest's clock.
func TestServerRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		answer := func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 502, Body: io.NopCloser(strings.NewReader(`{"error":{"message":"not now"}}`)), Request: r}, nil
		}
		s, err := OpenServer(ServerOptions{Protocol: TEI, URL: "http://server", Retries: 3, HTTPClient: &http.Client{Transport: roundTrip(answer)},
			Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err = s.Encode(t.Context(), []string{"a"}); err == nil || err.Error() != "embed: http://server/embed: status 502: not now (tried 4 times)" {
			t.Error(err)
		}
		for try, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
			for _, want := range []string{`msg="embedding server failed, trying again" wait=`, `error="embed: http://server/embed: status 502: not now`} {
				if try > 2 || !strings.Contains(line, want) {
					t.Errorf("logged %s", line)
				}
			}
		}
	})
}

func TestServerDoesNotFollowRedirects(t *testing.T) {
	s := openTest(t, ServerOptions{Protocol: TEI}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/embed" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if _, err := s.Encode(t.Context(), numbers(1)); err == nil || !strings.Contains(err.Error(), "status 307") {
		t.Error(err)
	}
}

func TestServerSplitsBatches(t *testing.T) {
	answer := fakeServer(t)
	for status, message := range map[int]string{413: "", 422: `{"error":"batch size 9 > maximum allowed batch size 4","error_type":"Validation"}`} {
		s := openTest(t, ServerOptions{Protocol: TEI, BatchSize: 9}, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if bytes.Count(body, []byte(`"`)) > 2*4+6 {
				w.WriteHeader(status)
				io.WriteString(w, message)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			answer(w, r)
		})
		vectors, err := s.Encode(t.Context(), numbers(25))
		checkNumbers(t, vectors, err, 25)
	}
}

func TestServerCannotSplitOneText(t *testing.T) {
	asked := 0
	s := openTest(t, ServerOptions{Protocol: TEI}, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	if _, err := s.Encode(t.Context(), numbers(1)); err == nil || !strings.Contains(err.Error(), "status 413") || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

func TestServerClosed(t *testing.T) {
	s := openTest(t, ServerOptions{Protocol: TEI}, fakeServer(t))
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Encode(t.Context(), numbers(1)); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestServerConnectionRefused(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	s, err := OpenServer(ServerOptions{Protocol: TEI, URL: server.URL + "?token=secret", Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Encode(context.Background(), numbers(1))
	if e := (*ServerError)(nil); !errors.As(err, &e) || e.Status != 0 || errors.Unwrap(e) == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestOpenServerErrors(t *testing.T) {
	for want, options := range map[string]ServerOptions{
		"unknown protocol":     {URL: "http://a"},
		"need the name":        {URL: "http://a", Protocol: Ollama},
		"openai servers need":  {URL: "http://a", Protocol: OpenAI},
		"must begin with http": {URL: "localhost:80", Protocol: TEI},
		"no host":              {URL: "http://", Protocol: TEI},
		"does not parse":       {URL: "http://me:secret@a:b", Protocol: TEI},
		"api key contains":     {URL: "http://a", Protocol: TEI, APIKey: "secret\n"},
		"batch size":           {URL: "http://a", Protocol: TEI, BatchSize: 5000},
		"concurrency":          {URL: "http://a", Protocol: TEI, Concurrency: -1},
		"timeout":              {URL: "http://a", Protocol: TEI, Timeout: -1},
		"dimension":            {URL: "http://a", Protocol: TEI, Dim: -1},
	} {
		_, err := OpenServer(options)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
