package embed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxBatch bounds ServerOptions.BatchSize, and with it the size of an answer.
const maxBatch = 4096

// ServerOptions say which server makes the embeddings, and how it is asked.
// Zero values stand for the defaults named.
type ServerOptions struct {
	// URL is the address of the server, http or https. User and password in it
	// are sent as basic authentication, a query is kept on every request; no
	// error shows either.
	URL string

	// Protocol is the protocol it speaks: TEI, Ollama or OpenAI.
	Protocol Protocol

	// Model is the name of the model, which Ollama and OpenAI require. TEI
	// serves one model and is not told a name.
	Model string

	// APIKey is sent as a bearer token. It is in no log and no error.
	APIKey string

	// BatchSize is the most texts a request carries; default 32, at most 4096.
	// A batch that the server finds too large is split in two, which costs the
	// refused request, so it is best set to what the server allows.
	BatchSize int

	// Concurrency is the most requests under way at once, over all calls of
	// Encode; default 2.
	Concurrency int

	// Timeout bounds one request; default 60 s.
	Timeout time.Duration

	// Retries is how often a request that failed for a passing reason is made
	// again; default 5, none if negative.
	Retries int

	// Dim is the dimension to insist on; by default that of the first answer.
	Dim int

	// HTTPClient makes the requests in place of a client of our own. Redirects
	// are not followed in either case.
	HTTPClient *http.Client

	// Logger is told of retries and of batches split; default none.
	Logger *slog.Logger
}

// String leaves out the key and what is secret in the URL.
func (o ServerOptions) String() string {
	shown := "unreadable URL"
	if u, err := url.Parse(o.URL); err == nil {
		shown = showURL(u)
	}
	return fmt.Sprintf("%s server at %s, model %q", o.Protocol, shown, o.Model)
}

// LogValue is String, for slog.
func (o ServerOptions) LogValue() slog.Value { return slog.StringValue(o.String()) }

// check puts the defaults in and refuses what makes no sense.
func (o *ServerOptions) check() error {
	o.BatchSize = cmp.Or(o.BatchSize, 32)
	o.Concurrency = cmp.Or(o.Concurrency, 2)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.Retries = max(0, cmp.Or(o.Retries, 5))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.BatchSize < 0 || o.BatchSize > maxBatch:
		return fmt.Errorf("embed: batch size %d is not within 1 to %d", o.BatchSize, maxBatch)
	case o.Concurrency < 0:
		return fmt.Errorf("embed: concurrency %d is negative", o.Concurrency)
	case o.Timeout < 0:
		return fmt.Errorf("embed: timeout %v is negative", o.Timeout)
	case o.Dim < 0:
		return fmt.Errorf("embed: dimension %d is negative", o.Dim)
	case strings.ContainsFunc(o.APIKey, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("embed: api key contains white space or control characters")
	case o.Model == "" && (o.Protocol == Ollama || o.Protocol == OpenAI):
		return fmt.Errorf("embed: %s servers need the name of a model", o.Protocol)
	}
	return nil
}

// A Server is an Encoder that asks an embedding server over HTTP. Its vectors
// are normalised here, whatever the server says of its own.
//
// Caveats: the promise of Encoder that a text's embedding does not depend on
// the texts around it is the server's to keep, and most keep it only up to
// rounding, as the shape of a batch decides the order of its sums; BatchSize 1
// does not help with servers that batch requests themselves. TEI and Ollama
// are told to cut texts that are too long, OpenAI refuses them. Bytes of a
// text that are not UTF-8 are sent as U+FFFD.
type Server struct {
	options  ServerOptions
	wire     wire
	endpoint string   // with secrets
	shown    string   // without
	secrets  []string // what no message may repeat
	client   *http.Client
	slots    chan struct{} // one element for each request under way
	dim      atomic.Int64
	closed   atomic.Bool
}

var _ Encoder = (*Server)(nil)

// OpenServer checks the options and returns an encoder. It does not ask the
// server anything yet.
func OpenServer(options ServerOptions) (*Server, error) {
	w, ok := wires[options.Protocol]
	if !ok {
		return nil, fmt.Errorf("embed: unknown protocol %q, want tei, ollama or openai", options.Protocol)
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	endpoint, err := parseEndpoint(options.URL, w.path)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:  options,
		wire:     w,
		endpoint: endpoint.String(),
		shown:    showURL(endpoint),
		secrets:  secretsOf(options.APIKey, endpoint),
		client:   newClient(options),
		slots:    make(chan struct{}, options.Concurrency),
	}
	s.dim.Store(int64(options.Dim))
	return s, nil
}

// newClient returns a client that follows no redirects, which would send texts
// and key to where nobody asked for.
func newClient(options ServerOptions) *http.Client {
	client := &http.Client{}
	if options.HTTPClient != nil {
		*client = *options.HTTPClient
	} else {
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
		transport.MaxIdleConnsPerHost = options.Concurrency
		transport.IdleConnTimeout = 90 * time.Second
		client.Transport = transport
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// String names the server without its secrets.
func (s *Server) String() string { return s.options.String() }

// Dim is the dimension asked for in the options, or that of the first answer;
// 0 before there was one.
func (s *Server) Dim() int { return int(s.dim.Load()) }

// Close lets go of idle connections. Encode fails from then on, with an error
// that is [os.ErrClosed]; calls under way go on.
func (s *Server) Close() error {
	if !s.closed.Swap(true) && s.options.HTTPClient == nil {
		s.client.CloseIdleConnections()
	}
	return nil
}

// Encode asks the server for the vectors of texts, in batches. The first batch
// that fails ends the call; its error is a [*ServerError], or the context's
// error if that is done.
func (s *Server) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("embed: %s: %w", s.shown, os.ErrClosed)
	}
	out := make([][]float32, len(texts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.options.Concurrency)
	for first := 0; first < len(texts); first += s.options.BatchSize {
		last := min(first+s.options.BatchSize, len(texts))
		group.Go(func() error { return s.encodeBatch(ctx, texts[first:last], first, out[first:last]) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// encodeBatch puts the vectors of texts into out. The index of the first text
// within the call of Encode is for errors only.
func (s *Server) encodeBatch(ctx context.Context, texts []string, first int, out [][]float32) error {
	answer, err := s.ask(ctx, texts)
	if len(texts) > 1 && tooLarge(err) {
		half := len(texts) / 2
		s.options.Logger.Info("batch too large for the embedding server, splitting it",
			"url", s.shown, "texts", len(texts), "error", err)
		if err := s.encodeBatch(ctx, texts[:half], first, out[:half]); err != nil {
			return err
		}
		return s.encodeBatch(ctx, texts[half:], first+half, out[half:])
	}
	if err != nil {
		return err
	}
	dim, err := unitVectors(answer, s.Dim(), first, out)
	if err == nil && !s.dim.CompareAndSwap(0, int64(dim)) && s.Dim() != dim {
		err = dimensionError(first, dim, s.Dim())
	}
	if err != nil {
		return s.fail(http.StatusOK, err.Error())
	}
	return nil
}
