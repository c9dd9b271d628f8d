package post

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The tests of this file run on synctest's clock, without a network: waits of
// minutes take no time, and a goroutine left behind fails the test.

// A turn is what the server does to one request.
type turn func(w http.ResponseWriter, r *http.Request)

func status(code int, retryAfter string) turn {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		io.WriteString(w, `{"error":{"message":"not now"}}`)
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"ok":true}`) }

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// askTurns asks a server that does the given turns, and returns the error, how
// long it took and how many turns are left.
func askTurns(ctx context.Context, t *testing.T, turns ...turn) (took time.Duration, left int, err error) {
	t.Helper()
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		if len(turns) == 0 {
			t.Error("asked too often")
			return nil, errors.New("asked too often")
		}
		next := turns[0]
		turns = turns[1:]
		if next == nil {
			return nil, errors.New("connection reset")
		}
		recorder := httptest.NewRecorder()
		next(recorder, r)
		return recorder.Result(), r.Context().Err()
	})
	c, err := Open(Options{URL: "http://server", Path: "/ask", Timeout: time.Minute, Retries: 3, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	answer := ""
	err = c.Ask(ctx, Question{Body: "a", MaxAnswer: 100, For: "a test", Read: func(b []byte) error { answer = string(b); return nil }})
	if err == nil && answer != `{"ok":true}` {
		t.Errorf("answer %q", answer)
	}
	return time.Since(start), len(turns), err
}

func TestAskRetries(t *testing.T) {
	date := func(after time.Duration) string { return time.Now().Add(after).UTC().Format(http.TimeFormat) }
	for name, test := range map[string]struct {
		turns    func() []turn
		min, max time.Duration
		want     string // in the error; "" for success
	}{
		"500 then ok": {func() []turn { return []turn{status(500, ""), ok} }, 250 * time.Millisecond, 750 * time.Millisecond, ""},
		"408, 425, connection, ok": {func() []turn { return []turn{status(408, ""), status(425, ""), nil, ok} },
			1750 * time.Millisecond, 5250 * time.Millisecond, ""},
		"429 with seconds": {func() []turn { return []turn{status(429, "7"), ok} }, 7 * time.Second, 7 * time.Second, ""},
		"503 with date":    {func() []turn { return []turn{status(503, date(9*time.Second)), ok} }, 8 * time.Second, 9 * time.Second, ""},
		"429 capped":       {func() []turn { return []turn{status(429, "86400"), ok} }, maxPause, maxPause, ""},
		"429 at once":      {func() []turn { return []turn{status(429, "0"), ok} }, 250 * time.Millisecond, 750 * time.Millisecond, ""},
		"never": {func() []turn { return []turn{status(502, ""), status(502, ""), status(502, ""), status(502, "")} },
			1750 * time.Millisecond, 5250 * time.Millisecond, "http://server/ask: status 502: not now (tried 4 times)"},
		"400":     {func() []turn { return []turn{status(400, "")} }, 0, 0, "http://server/ask: status 400: not now"},
		"404":     {func() []turn { return []turn{status(404, "5")} }, 0, 0, "status 404"},
		"timeout": {func() []turn { return []turn{hang, ok} }, time.Minute + 250*time.Millisecond, time.Minute + 750*time.Millisecond, ""},
		"timeouts": {func() []turn { return []turn{hang, hang, hang, hang} }, 4 * time.Minute, 5 * time.Minute,
			"http://server/ask: no answer within 1m0s (tried 4 times)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, left, err := askTurns(t.Context(), t, test.turns()...)
				if left != 0 || took < test.min || took > test.max {
					t.Errorf("took %v, %d turns left", took, left)
				}
				switch {
				case test.want == "" && err != nil:
					t.Error(err)
				case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
					t.Errorf("%v, want %q", err, test.want)
				}
			})
		})
	}
}

func TestAskCancelled(t *testing.T) {
	for name, turns := range map[string][]turn{"request": {hang}, "wait": {status(429, "30")}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				took, _, err := askTurns(ctx, t, turns...)
				if !errors.Is(err, context.Canceled) || took != 5*time.Second {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

func TestAskDeadlineIsTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, _, err := askTurns(ctx, t, hang); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestAskCancelledBeforehand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := askTurns(ctx, t, hang); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// What a server may not do: send a broken, a longer or half an answer.
func TestAskAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   string
	}{
		"broken": {`{"ok":`, "http://server/ask: status 200: answer does not fit the protocol: unexpected end of JSON input"},
		"other":  {`{"ok":[1]}`, "http://server/ask: status 200: answer does not fit the protocol: unexpected array at byte "},
		"long":   {`{"ok":"` + strings.Repeat("x", 30) + `"}`, "http://server/ask: status 200: answer of more than 30 bytes for a test"},
		"most":   {`{"ok":"` + strings.Repeat("x", 21) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(test.answer)), Request: r}, nil
			})
			c, err := Open(Options{URL: "http://server", Path: "/ask", Timeout: time.Minute, Retries: 3, HTTPClient: &http.Client{Transport: transport}})
			if err != nil {
				t.Fatal(err)
			}
			var answer struct{ OK string }
			err = c.Ask(t.Context(), Question{MaxAnswer: 30, For: "a test", Read: func(b []byte) error { return Decode(b, &answer) }})
			if test.want == "" && (err != nil || answer.OK == "") || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("%v, %q", err, answer.OK)
			}
		})
	}
}

// A Question that is no JSON is not asked.
func TestAskNoJSON(t *testing.T) {
	c, err := Open(Options{URL: "http://server"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ask(t.Context(), Question{Body: func() {}}); err == nil || !strings.HasPrefix(err.Error(), "encode request: json: unsupported type") {
		t.Error(err)
	}
}

// What is secret is in no error, even if the server repeats it.
func TestSecrets(t *testing.T) {
	const key, password, query = "sk-secret-1", "hunter22", "token-value-3"
	answer := func(r *http.Request) (*http.Response, error) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+key {
			t.Errorf("sent %q", got)
		}
		if r.ContentLength > 10 {
			return nil, errors.New("no route for " + r.URL.String())
		}
		body := strings.Repeat("x", 150) + strings.Join([]string{key, password, query}, "\n") + strings.Repeat("y", 300)
		return &http.Response{StatusCode: 401, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	c, err := Open(Options{URL: "http://me:" + password + "@server.invalid/base?token=" + query, Path: "/ask", Key: key, Timeout: time.Minute,
		HTTPClient: &http.Client{Transport: roundTrip(answer)}})
	if err != nil {
		t.Fatal(err)
	}
	refused := c.Ask(t.Context(), Question{Body: "a"})
	lost := c.Ask(t.Context(), Question{Body: strings.Repeat("long ", 20)})
	for _, text := range []string{refused.Error(), lost.Error(), c.String(), Show(c.options.URL)} {
		for _, secret := range []string{key, password, query} {
			if strings.Contains(text, secret) {
				t.Errorf("%q shows %q", text, secret)
			}
		}
	}
	if want := "http://server.invalid/base/ask: status 401: xxx"; !strings.HasPrefix(refused.Error(), want) {
		t.Errorf("%q", refused)
	}
	if e := (*Error)(nil); !errors.As(refused, &e) || len([]rune(e.Message)) != maxMessage {
		t.Errorf("message not cut: %q", refused)
	}
}

func TestOpenErrors(t *testing.T) {
	for want, options := range map[string]Options{
		"must begin with http": {URL: "localhost:80"},
		"no host":              {URL: "http://"},
		"does not parse":       {URL: "http://me:secret@a:b"},
		"api key contains":     {URL: "http://a", Key: "secret\n"},
	} {
		if _, err := Open(options); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "0": 0, "3": 3 * time.Second, "61": maxPause,
		"99999999999999999999999":       maxPause,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0,
		"Fri, 02 Jan 2099 03:04:00 GMT": maxPause,
	} {
		if got := parseRetryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
