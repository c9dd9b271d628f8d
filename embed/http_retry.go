package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxPause caps the wait before a request is made again, whatever the
	// server asks for.
	maxPause = time.Minute

	// plausibleDim is the most dimensions expected of a model; the size of an
	// answer is bounded by it.
	plausibleDim = 1 << 14

	// maxRefusal is how many bytes of a refusal are read.
	maxRefusal = 8 << 10
)

// ask sends a batch, again and again while that may help, and returns as many
// vectors as there are texts. The wait doubles from half a second, ± 50 %, and
// is longer if the server asks for more; so the whole takes at most 1 + Retries
// times Timeout + 1 min. backoff.Retry is not used because it would let the
// server's wish shorten the wait.
func (s *Server) ask(ctx context.Context, texts []string) ([]json.RawMessage, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, s.stopped(ctx)
	}
	body, err := json.Marshal(s.wire.request(s.options.Model, texts))
	if err != nil {
		return nil, fmt.Errorf("embed: encode request: %w", err)
	}
	waits := backoff.NewExponentialBackOff()
	waits.Multiplier = 2
	for try := 1; ; try++ {
		answer, failed := s.try(ctx, body, len(texts))
		if failed == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, s.stopped(ctx)
		}
		if failed.Tries = try; !failed.again || try > s.options.Retries {
			return nil, failed
		}
		pause := min(max(waits.NextBackOff(), failed.pause), maxPause)
		s.options.Logger.Warn("embedding server failed, trying again", "wait", pause, "error", failed)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, s.stopped(ctx)
		}
	}
}

// stopped is the error of a context that is done.
func (s *Server) stopped(ctx context.Context) error {
	return fmt.Errorf("embed: %s: %w", s.shown, ctx.Err())
}

// try makes one request for n vectors.
func (s *Server) try(ctx context.Context, body []byte, n int) ([]json.RawMessage, *ServerError) {
	timed, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	status, data, failed := s.send(timed, body, n)
	switch {
	case failed != nil && timed.Err() != nil:
		return nil, s.lost(fmt.Errorf("no answer within %v", s.options.Timeout))
	case failed != nil:
		return nil, failed
	}
	answer, err := s.wire.answer(data, n)
	if err != nil {
		return nil, s.fail(status, err.Error())
	}
	return answer, nil
}

// send posts a body and reads the answer to it.
func (s *Server) send(ctx context.Context, body []byte, n int) (status int, data []byte, failed *ServerError) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, nil, s.fail(0, "request cannot be made")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if s.options.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+s.options.APIKey)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return 0, nil, s.lost(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		refusal, _ := io.ReadAll(io.LimitReader(answer.Body, maxRefusal))
		return answer.StatusCode, nil, s.refused(answer, refusal)
	}
	limit := maxAnswer(n, s.Dim())
	data, err = io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return answer.StatusCode, nil, s.lost(fmt.Errorf("answer broke off: %w", err))
	}
	if int64(len(data)) > limit {
		return answer.StatusCode, nil, s.fail(answer.StatusCode, fmt.Sprintf("answer of more than %d bytes for %d texts", limit, n))
	}
	return answer.StatusCode, data, nil
}

// maxAnswer bounds the bytes of an answer of n vectors: 64 for a component,
// digits and white space, 1 KiB around each vector, and 64 KiB around all.
func maxAnswer(n, dim int) int64 {
	return int64(n)*(int64(max(dim, plausibleDim))*64+1<<10) + 1<<16
}

// parseRetryAfter reads the header of that name: seconds, or a date. It is 0
// if there is none that makes sense, and at most maxPause.
func parseRetryAfter(value string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(maxPause/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, date.Sub(now)), maxPause)
}
