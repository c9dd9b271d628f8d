package embed

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/steersight/steersight/internal/post"
)

// A ServerError is returned when a server gave no vectors, or not those that
// were asked for.
type ServerError struct {
	URL     string // of the endpoint, without user and query
	Status  int    // of HTTP; 0 if there was no whole answer
	Message string // one line of at most 200 runes, without the key
	Tries   int    // requests made

	cause error // of a request without answer
}

func (e *ServerError) Error() string {
	failed := post.Error{URL: e.URL, Status: e.Status, Message: e.Message, Tries: e.Tries}
	return "embed: " + failed.Error()
}

// Unwrap returns the error of the connection, if it was that.
func (e *ServerError) Unwrap() error { return e.cause }

// serverError makes an error of package post one of this package.
func serverError(err error) error {
	failed := (*post.Error)(nil)
	if !errors.As(err, &failed) {
		return fmt.Errorf("embed: %w", err)
	}
	return &ServerError{URL: failed.URL, Status: failed.Status, Message: failed.Message, Tries: failed.Tries, cause: errors.Unwrap(failed)}
}

// tooLarge tells whether the server refused a batch for its size: with status
// 413, or as TEI has it in some versions with another and the words "batch
// size".
func tooLarge(err error) bool {
	e := (*ServerError)(nil)
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		return true
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		message := strings.ToLower(e.Message)
		return strings.Contains(message, "batch size") || strings.Contains(message, "batch too large")
	}
	return false
}
