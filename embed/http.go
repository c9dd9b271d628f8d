package embed

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/steersight/steersight/internal/post"
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
	return fmt.Sprintf("%s server at %s, model %q", o.Protocol, post.Show(o.URL), o.Model)
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
	options ServerOptions
	wire    wire
	client  *post.Client
	slots   chan struct{} // one element for each request under way
	dim     atomic.Int64
	closed  atomic.Bool
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
	s := &Server{options: options, wire: w, slots: make(chan struct{}, options.Concurrency)}
	client, err := post.Open(post.Options{
		URL: options.URL, Path: w.path, Key: options.APIKey,
		Timeout: options.Timeout, Retries: options.Retries,
		Connections: options.Concurrency, HTTPClient: options.HTTPClient,
		Retrying: s.retrying,
	})
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	s.client = client
	s.dim.Store(int64(options.Dim))
	return s, nil
}

// String names the server without its secrets.
func (s *Server) String() string { return s.options.String() }

// Dim is the dimension asked for in the options, or that of the first answer;
// 0 before there was one.
func (s *Server) Dim() int { return int(s.dim.Load()) }

// Close lets go of idle connections. Encode fails from then on, with an error
// that is [os.ErrClosed]; calls under way go on.
func (s *Server) Close() error {
	if !s.closed.Swap(true) {
		s.client.Close()
	}
	return nil
}

// Encode asks the server for the vectors of texts, in batches. The first batch
// that fails ends the call; its error is a [*ServerError], or the context's
// error if that is done.
func (s *Server) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("embed: %s: %w", s.client, os.ErrClosed)
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
			"url", s.client.String(), "texts", len(texts), "error", err)
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
		return serverError(s.client.Wrong(err))
	}
	return nil
}

// plausibleDim is the most dimensions expected of a model; the size of an
// answer is bounded by it.
const plausibleDim = 1 << 14

// ask sends a batch, again and again while that may help, and returns as many
// vectors as there are texts.
func (s *Server) ask(ctx context.Context, texts []string) (answer []json.RawMessage, err error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("embed: %s: %w", s.client, ctx.Err())
	}
	err = s.client.Ask(ctx, post.Question{
		Body:      s.wire.request(s.options.Model, texts),
		MaxAnswer: maxAnswer(len(texts), s.Dim()),
		For:       fmt.Sprintf("%d texts", len(texts)),
		Read: func(body []byte) (err error) {
			answer, err = s.wire.answer(body, len(texts))
			return err
		},
	})
	if err != nil {
		return nil, serverError(err)
	}
	return answer, nil
}

// maxAnswer bounds the bytes of an answer of n vectors: 64 for a component,
// digits and white space, 1 KiB around each vector, and 64 KiB around all.
func maxAnswer(n, dim int) int64 {
	return int64(n)*(int64(max(dim, plausibleDim))*64+1<<10) + 1<<16
}

// retrying logs that a request will be made again.
func (s *Server) retrying(wait time.Duration, failed *post.Error) {
	s.options.Logger.Warn("embedding server failed, trying again", "wait", wait, "error", serverError(failed))
}
