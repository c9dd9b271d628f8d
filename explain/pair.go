package explain

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/steersight/steersight/internal/lines"
	"github.com/steersight/steersight/internal/pyjson"
)

// A Pair is a query and a document to explain.
type Pair struct {
	Line            int          // of the input, from 1
	QueryID, DocID  pyjson.Value // of any JSON type; null where the line has none
	Query, Document string
}

// A PairReader reads pairs from JSON lines: objects with the strings "query"
// and "doc", and with "query_id" and "doc_id" of any type. Blank lines and
// other fields are passed over.
type PairReader struct {
	lines *lines.Reader
	name  string
}

// NewPairReader returns a PairReader of src. Errors call the input by name.
func NewPairReader(src io.Reader, name string) *PairReader {
	return &PairReader{lines.NewReader(src), name}
}

// Next returns the next pair, or io.EOF. Other errors name file and line.
func (r *PairReader) Next() (Pair, error) {
	for {
		line, err := r.lines.Next()
		if err == io.EOF {
			return Pair{}, io.EOF
		}
		if err != nil {
			return Pair{}, r.errorAt(r.lines.Number(), err)
		}
		text := strings.TrimFunc(string(line), isSpace)
		if text == "" {
			continue
		}
		pair, err := parsePair(text)
		if err != nil {
			return Pair{}, r.errorAt(r.lines.Number(), err)
		}
		pair.Line = r.lines.Number()
		return pair, nil
	}
}

func (r *PairReader) errorAt(line int, err error) error {
	return fmt.Errorf("%s:%d: %w", r.name, line, err)
}

// isSpace is what Python's str.strip removes.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func parsePair(text string) (pair Pair, err error) {
	object, err := pyjson.Parse(text)
	if err != nil {
		return pair, err
	}
	if object.Kind != pyjson.Object {
		return pair, fmt.Errorf(`%s, not an object with "query" and "doc"`, object.Kind)
	}
	if pair.Query, err = textField(object, "query"); err != nil {
		return pair, err
	}
	if pair.Document, err = textField(object, "doc"); err != nil {
		return pair, err
	}
	if pair.QueryID, err = idField(object, "query_id"); err != nil {
		return pair, err
	}
	pair.DocID, err = idField(object, "doc_id")
	return pair, err
}

func textField(object pyjson.Value, name string) (string, error) {
	v, ok := object.Field(name)
	if !ok {
		return "", fmt.Errorf("field %q is missing", name)
	}
	if v.Kind != pyjson.String {
		return "", fmt.Errorf("field %q is %s, not a string", name, v.Kind)
	}
	text, err := v.Text()
	if err != nil {
		return "", fmt.Errorf("field %q: %w", name, err)
	}
	return text, nil
}

// idField returns an id, which must have a UTF-8 form to be written again.
func idField(object pyjson.Value, name string) (pyjson.Value, error) {
	v, _ := object.Field(name)
	if _, err := v.Append(nil); errors.Is(err, pyjson.ErrSurrogate) {
		return v, fmt.Errorf("field %q: %w", name, err)
	}
	return v, nil
}
