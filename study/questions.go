package study

import (
	"context"
	"fmt"
)

// A Cost is what asking a chat server takes, in tokens.
type Cost struct {
	Questions int
	In        int // tokens sent, about
	Out       int // tokens that come back, about
	MaxOut    int // and at most
}

// countTokens reckons with four bytes a token, a rule of thumb for English; a
// byte of most other languages takes more.
func countTokens(text string) int { return (len(text) + 3) / 4 }

// An answer is what became of one question or several.
type answer[T any] struct {
	value T
	err   error
}

// inOrder asks about each item, so many at once, and returns the answers in the
// order of the items. After the context is done no more are begun.
func inOrder[I, T any](ctx context.Context, items []I, concurrency int, ask func(context.Context, I) (T, error)) <-chan chan answer[T] {
	concurrency = max(1, min(concurrency, len(items)))
	answers := make(chan chan answer[T], concurrency)
	slots := make(chan struct{}, concurrency)
	go func() {
		defer close(answers)
		for _, item := range items {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			one := make(chan answer[T], 1)
			go func() {
				defer func() { <-slots }()
				value, err := ask(ctx, item)
				one <- answer[T]{value, err}
			}()
			answers <- one
		}
	}()
	return answers
}

// maxInARow is how many items may fail one after the other before no more are
// asked about, as the server's or the key's fault.
const maxInARow = 20

// A Tally counts what was asked about.
type Tally struct {
	Answered int    `json:"answered"`
	Failed   int    `json:"failed"`
	Reason   string `json:"reason,omitempty"` // the last that failed, with its error
	inARow   int    // how many failed since one was answered
}

// count counts an item. Its error says that it is time to give up.
func (t *Tally) count(item string, err error) error {
	if err == nil {
		t.Answered, t.inARow = t.Answered+1, 0
		return nil
	}
	t.Failed, t.inARow = t.Failed+1, t.inARow+1
	t.Reason = fmt.Sprintf("%s: %v", item, err)
	if t.inARow < maxInARow {
		return nil
	}
	return fmt.Errorf("gave up: %d in a row failed, the last %s", t.inARow, t.Reason)
}
