package corpus

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// A RunWriter writes a TREC run: lines of query, "Q0", document, rank from 1,
// score and tag.
type RunWriter struct {
	out *bufio.Writer
	tag string
}

// NewRunWriter returns a RunWriter to out; tag names the run.
func NewRunWriter(out io.Writer, tag string) *RunWriter {
	return &RunWriter{bufio.NewWriter(out), tag}
}

// Write writes one line. Ids with white space, which the format cannot hold,
// are errors.
func (w *RunWriter) Write(query, document string, rank int, score float64) error {
	for _, id := range []string{query, document, w.tag} {
		if id == "" || strings.ContainsFunc(id, unicode.IsSpace) {
			return fmt.Errorf("id %q has white space or nothing in it: a TREC run cannot hold it", id)
		}
	}
	_, err := fmt.Fprintf(w.out, "%s Q0 %s %d %v %s\n", query, document, rank, score, w.tag)
	return err
}

// Flush writes what is buffered.
func (w *RunWriter) Flush() error { return w.out.Flush() }
