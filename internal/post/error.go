package post

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// maxMessage is how many runes of a server's message are shown.
const maxMessage = 200

// An Error is returned when a server gave no answer, or not one of the kind
// that was asked for.
type Error struct {
	URL     string // of the endpoint, without user and query
	Status  int    // of HTTP; 0 if there was no whole answer
	Message string // one line of at most 200 runes, without secrets
	Tries   int    // requests made

	cause error         // of a request without answer
	again bool          // whether trying again may help
	pause time.Duration // what the server asked for
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.URL)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Tries > 1 {
		fmt.Fprintf(&b, " (tried %d times)", e.Tries)
	}
	return b.String()
}

// Unwrap returns the error of the connection, if it was that.
func (e *Error) Unwrap() error { return e.cause }

// Wrong makes the error of an answer that came but is not what was asked for.
func (c *Client) Wrong(err error) *Error { return c.fail(http.StatusOK, err.Error()) }

// fail makes an error that trying again does not cure.
func (c *Client) fail(status int, message string) *Error {
	return &Error{URL: c.shown, Status: status, Message: c.clean(message), Tries: 1}
}

// lost makes the error of a request without a whole answer. The URL that
// package http puts before its errors is dropped, for it has the query.
func (c *Client) lost(cause error) *Error {
	if inner := (*url.Error)(nil); errors.As(cause, &inner) {
		cause = inner.Err
	}
	e := c.fail(0, cause.Error())
	e.cause, e.again = cause, true
	return e
}

// refused makes the error of an answer that is not 200.
func (c *Client) refused(answer *http.Response, body []byte) *Error {
	e := c.fail(answer.StatusCode, messageOf(body))
	switch code := answer.StatusCode; code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		e.again = true
	default:
		e.again = code >= 500
	}
	e.pause = parseRetryAfter(answer.Header.Get("Retry-After"), time.Now())
	return e
}

// clean makes one printable line of a message, without secrets and cut to
// maxMessage runes.
func (c *Client) clean(message string) string {
	message = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(message, "�"))
	message = strings.Join(strings.Fields(message), " ")
	for _, secret := range c.secrets {
		message = strings.ReplaceAll(message, secret, "[secret]")
	}
	if runes := []rune(message); len(runes) > maxMessage {
		message = string(runes[:maxMessage-1]) + "…"
	}
	return message
}

// messageOf finds the message in the body of a refusal: text-embeddings-inference
// and Ollama send {"error": "…"}, OpenAI {"error": {"message": "…"}}, its
// imitators "message" or "detail"; of others the whole body is taken.
func messageOf(body []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return string(body)
	}
	for _, key := range []string{"error", "message", "detail"} {
		var text string
		if json.Unmarshal(fields[key], &text) == nil && text != "" {
			return text
		}
		var nested struct{ Message string }
		if json.Unmarshal(fields[key], &nested) == nil && nested.Message != "" {
			return nested.Message
		}
	}
	return string(body)
}
