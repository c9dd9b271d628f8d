package post

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxPause caps the wait before a request is made again, whatever the
	// server asks for.
	maxPause = time.Minute

	// maxRefusal is how many bytes of a refusal are read.
	maxRefusal = 8 << 10
)

// Options say which endpoint is asked, and how.
type Options struct {
	// URL is the address of the server, http or https. User and password in it
	// are sent as basic authentication, a query is kept on every request.
	URL string

	// Path is where the endpoint is, with a slash before it. The URL may end in
	// a part of it already.
	Path string

	// Key is sent as a bearer token, unless it is empty.
	Key string

	// Timeout bounds one request.
	Timeout time.Duration

	// Retries is how often a request that failed for a passing reason is made
	// again.
	Retries int

	// Connections is how many are kept for the next requests.
	Connections int

	// HTTPClient makes the requests in place of a client of our own.
	HTTPClient *http.Client

	// Retrying is told of each wait before a request is made again.
	Retrying func(wait time.Duration, failed *Error)
}

// A Client asks one endpoint. It is safe for concurrent use.
type Client struct {
	options  Options
	endpoint string   // with secrets
	shown    string   // without
	secrets  []string // what no message may repeat
	http     *http.Client
}

// Open checks URL and key. It does not ask the server anything yet.
func Open(options Options) (*Client, error) {
	if strings.ContainsFunc(options.Key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, errors.New("api key contains white space or control characters")
	}
	endpoint, err := parseEndpoint(options.URL, options.Path)
	if err != nil {
		return nil, err
	}
	return &Client{
		options:  options,
		endpoint: endpoint.String(),
		shown:    show(endpoint),
		secrets:  secretsOf(options.Key, endpoint),
		http:     newHTTPClient(options),
	}, nil
}

// newHTTPClient returns a client that follows no redirects.
func newHTTPClient(options Options) *http.Client {
	client := &http.Client{}
	if options.HTTPClient != nil {
		*client = *options.HTTPClient
	} else {
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
		transport.MaxIdleConnsPerHost = options.Connections
		transport.IdleConnTimeout = 90 * time.Second
		client.Transport = transport
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// String is the address of the endpoint, without its secrets.
func (c *Client) String() string { return c.shown }

// Close lets go of idle connections, unless they are of a client that was given.
func (c *Client) Close() {
	if c.options.HTTPClient == nil {
		c.http.CloseIdleConnections()
	}
}

// A Question is what a server is asked.
type Question struct {
	// Body is sent as JSON.
	Body any

	// MaxAnswer bounds the answer, in bytes; For says in the error of a longer
	// one what the answer is for: "2 texts".
	MaxAnswer int64
	For       string

	// Read takes in an answer. Its error is that of the question, which is not
	// asked again.
	Read func(answer []byte) error
}

// Ask asks a question, again and again while that may help; so the whole takes
// at most 1 + Retries times Timeout + 1 min. Its error is an [*Error], or the
// context's if that is done. backoff.Retry is not used because it would let the
// server's wish shorten the wait.
func (c *Client) Ask(ctx context.Context, q Question) error {
	body, err := json.Marshal(q.Body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	waits := backoff.NewExponentialBackOff()
	waits.Multiplier = 2
	for try := 1; ; try++ {
		failed := c.try(ctx, body, q)
		if failed == nil {
			return nil
		}
		if ctx.Err() != nil {
			return c.stopped(ctx)
		}
		if failed.Tries = try; !failed.again || try > c.options.Retries {
			return failed
		}
		pause := min(max(waits.NextBackOff(), failed.pause), maxPause)
		if c.options.Retrying != nil {
			c.options.Retrying(pause, failed)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return c.stopped(ctx)
		}
	}
}

// stopped is the error of a context that is done.
func (c *Client) stopped(ctx context.Context) error {
	return fmt.Errorf("%s: %w", c.shown, ctx.Err())
}

// try makes one request.
func (c *Client) try(ctx context.Context, body []byte, q Question) *Error {
	timed, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	answer, failed := c.send(timed, body, q)
	switch {
	case failed != nil && timed.Err() != nil:
		return c.lost(fmt.Errorf("no answer within %v", c.options.Timeout))
	case failed != nil:
		return failed
	}
	if err := q.Read(answer); err != nil {
		return c.Wrong(err)
	}
	return nil
}

// send posts a body and reads the answer to it.
func (c *Client) send(ctx context.Context, body []byte, q Question) ([]byte, *Error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, c.fail(0, "request cannot be made")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if c.options.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.options.Key)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, c.lost(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		refusal, _ := io.ReadAll(io.LimitReader(answer.Body, maxRefusal))
		return nil, c.refused(answer, refusal)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, q.MaxAnswer+1))
	if err != nil {
		return nil, c.lost(fmt.Errorf("answer broke off: %w", err))
	}
	if int64(len(data)) > q.MaxAnswer {
		return nil, c.Wrong(fmt.Errorf("answer of more than %d bytes for %s", q.MaxAnswer, q.For))
	}
	return data, nil
}

// Decode reads JSON into v. Its error is one line without Go's types.
func Decode(answer []byte, v any) error {
	err := json.Unmarshal(answer, v)
	if err == nil {
		return nil
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("unexpected %s at byte %d", wrong.Value, wrong.Offset)
	}
	return fmt.Errorf("answer does not fit the protocol: %w", err)
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
