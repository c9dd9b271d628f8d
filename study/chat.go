package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/steersight/steersight/internal/post"
)

// ChatOptions say which chat server is asked, and how. Zero values stand for
// the defaults named.
type ChatOptions struct {
	// URL is the address of the server, http or https. User and password in it
	// are sent as basic authentication, a query is kept on every request; no
	// error shows either.
	URL string

	// Model is the name of the model.
	Model string

	// APIKey is sent as a bearer token. It is in no log and no error.
	APIKey string

	// MaxTokens bounds an answer, with what a model thinks before it; default
	// 2048.
	MaxTokens int

	// Concurrency is how many connections are kept; default 4.
	Concurrency int

	// Timeout bounds one request; default 5 min.
	Timeout time.Duration

	// Retries is how often a request that failed for a passing reason is made
	// again; default 5, none if negative.
	Retries int

	// HTTPClient makes the requests in place of a client of our own.
	HTTPClient *http.Client

	// Logger is told of retries; default none.
	Logger *slog.Logger
}

// String leaves out the key and what is secret in the URL.
func (o ChatOptions) String() string {
	return fmt.Sprintf("chat server at %s, model %q", post.Show(o.URL), o.Model)
}

// LogValue is String, for slog.
func (o ChatOptions) LogValue() slog.Value { return slog.StringValue(o.String()) }

// check puts the defaults in and refuses what makes no sense.
func (o *ChatOptions) check() error {
	o.MaxTokens = cmp.Or(o.MaxTokens, 2048)
	o.Concurrency = cmp.Or(o.Concurrency, 4)
	o.Timeout = cmp.Or(o.Timeout, 5*time.Minute)
	o.Retries = max(0, cmp.Or(o.Retries, 5))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Model == "":
		return errors.New("chat servers need the name of a model")
	case o.MaxTokens < 1 || o.MaxTokens > MaxChatTokens:
		return fmt.Errorf("answers of %d tokens: not within 1 to %d", o.MaxTokens, MaxChatTokens)
	case o.Concurrency < 1:
		return fmt.Errorf("concurrency %d: must be 1 or more", o.Concurrency)
	case o.Timeout < 0:
		return fmt.Errorf("timeout %v is negative", o.Timeout)
	}
	return nil
}

const (
	// MaxChatTokens bounds ChatOptions.MaxTokens, and with it an answer.
	MaxChatTokens = 1 << 20

	// tokenBytes is more than a token of text has, on the average of a long one.
	tokenBytes = 16
)

// A Chat asks a language model over HTTP, by OpenAI's protocol and that of the
// many servers that imitate it: POST /v1/chat/completions.
// https://platform.openai.com/docs/api-reference/chat/create
//
// The temperature is 0, so that most servers answer the same question nearly
// the same. Models that refuse the fields temperature or max_tokens, as some of
// OpenAI's do, cannot be asked. It is safe for concurrent use.
type Chat struct {
	options ChatOptions
	client  *post.Client
	in, out atomic.Int64
}

// OpenChat checks the options. It does not ask the server anything yet.
func OpenChat(options ChatOptions) (*Chat, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	client, err := post.Open(post.Options{
		URL: options.URL, Path: "/v1/chat/completions", Key: options.APIKey,
		Timeout: options.Timeout, Retries: options.Retries,
		Connections: options.Concurrency, HTTPClient: options.HTTPClient,
		Retrying: func(wait time.Duration, failed *post.Error) {
			options.Logger.Warn("chat server failed, trying again", "wait", wait, "error", failed)
		},
	})
	if err != nil {
		return nil, err
	}
	return &Chat{options: options, client: client}, nil
}

// Close lets go of idle connections.
func (c *Chat) Close() { c.client.Close() }

// String names the server and the model, without secrets.
func (c *Chat) String() string { return c.options.String() }

// Tokens returns how many tokens were sent and came back, as far as the server
// tells.
func (c *Chat) Tokens() (in, out int64) { return c.in.Load(), c.out.Load() }

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type chatRequest struct {
	Model       string        `json:"model"`
	Messages    []chatMessage `json:"messages"`
	Temperature float64       `json:"temperature"`
	MaxTokens   int           `json:"max_tokens"`
}

type chatAnswer struct {
	Choices []struct {
		Message struct {
			Content *string `json:"content"`
			Refusal string  `json:"refusal"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
	} `json:"usage"`
}

// Ask returns the answer to a message, on one line. What the model thought
// aloud before it, between <think> and </think>, is dropped. An answer that is
// empty, withheld, or cut for its length is an error.
func (c *Chat) Ask(ctx context.Context, system, user string) (text string, err error) {
	err = c.client.Ask(ctx, post.Question{
		Body: chatRequest{
			Model:     c.options.Model,
			Messages:  []chatMessage{{"system", system}, {"user", user}},
			MaxTokens: c.options.MaxTokens,
		},
		MaxAnswer: int64(c.options.MaxTokens)*2*tokenBytes + 1<<20,
		For:       fmt.Sprintf("%d tokens", c.options.MaxTokens),
		Read: func(body []byte) (err error) {
			text, err = c.read(body)
			return err
		},
	})
	return text, err
}

// read takes the text out of an answer.
func (c *Chat) read(body []byte) (string, error) {
	var answer chatAnswer
	if err := post.Decode(body, &answer); err != nil {
		return "", err
	}
	c.in.Add(answer.Usage.Prompt)
	c.out.Add(answer.Usage.Completion)
	if len(answer.Choices) == 0 {
		return "", errors.New("an answer without choices")
	}
	choice := answer.Choices[0]
	switch choice.FinishReason {
	case "length":
		return "", fmt.Errorf("answer cut off after %d tokens", c.options.MaxTokens)
	case "content_filter":
		return "", errors.New("answer withheld by the server's filter")
	}
	if choice.Message.Content == nil {
		return "", fmt.Errorf("an answer without text %s", choice.Message.Refusal)
	}
	text := strings.TrimSpace(*choice.Message.Content)
	if thought, ok := strings.CutPrefix(text, "<think>"); ok {
		if _, text, ok = strings.Cut(thought, "</think>"); !ok {
			return "", errors.New("an answer of thoughts alone")
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case text == "":
		return "", errors.New("an empty answer")
	case len(text) > c.options.MaxTokens*tokenBytes:
		return "", fmt.Errorf("answer of %d bytes, too long for %d tokens", len(text), c.options.MaxTokens)
	}
	return text, nil
}
