package embed

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

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[[1,0]]`) }

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// encodeTurns encodes one text with a server that does the given turns, and
// returns the error, how long it took and how many turns are left.
func encodeTurns(ctx context.Context, t *testing.T, turns ...turn) (took time.Duration, left int, err error) {
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
	s, err := OpenServer(ServerOptions{Protocol: TEI, URL: "http://server", Retries: 3, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	start := time.Now()
	_, err = s.Encode(ctx, []string{"a"})
	return time.Since(start), len(turns), err
}

func TestServerRetries(t *testing.T) {
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
			1750 * time.Millisecond, 5250 * time.Millisecond, "embed: http://server/embed: status 502: not now (tried 4 times)"},
		"400":     {func() []turn { return []turn{status(400, "")} }, 0, 0, "embed: http://server/embed: status 400: not now"},
		"404":     {func() []turn { return []turn{status(404, "5")} }, 0, 0, "status 404"},
		"timeout": {func() []turn { return []turn{hang, ok} }, time.Minute + 250*time.Millisecond, time.Minute + 750*time.Millisecond, ""},
		"timeouts": {func() []turn { return []turn{hang, hang, hang, hang} }, 4 * time.Minute, 5 * time.Minute,
			"embed: http://server/embed: no answer within 1m0s (tried 4 times)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, left, err := encodeTurns(t.Context(), t, test.turns()...)
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

func TestServerCancelled(t *testing.T) {
	for name, turns := range map[string][]turn{"request": {hang}, "wait": {status(429, "30")}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				took, _, err := encodeTurns(ctx, t, turns...)
				if !errors.Is(err, context.Canceled) || took != 5*time.Second {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

func TestServerDeadlineIsTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, _, err := encodeTurns(ctx, t, hang); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestServerCancelledBeforehand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := encodeTurns(ctx, t, hang); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
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
