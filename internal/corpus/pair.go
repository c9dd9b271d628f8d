package corpus

import (
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// A Pair is a document's text and what was written about it.
type Pair struct{ Text, Target string }

// A PairReader reads pairs. Its memory does not grow with their number.
type PairReader struct{ *source }

// OpenPairs opens pairs: a file of JSON lines with "text" and "target",
// compressed if its name ends in .gz, or standard input for "-".
func OpenPairs(path string, stdin io.Reader) (*PairReader, error) {
	s, err := open(path, "pairs.jsonl", stdin)
	return &PairReader{s}, err
}

// Next returns the next pair, or io.EOF. Other errors name file and line.
func (r *PairReader) Next() (Pair, error) {
	line, err := r.next()
	if err != nil {
		return Pair{}, err
	}
	p, err := parsePair(line)
	if err != nil {
		return Pair{}, r.wrong(err)
	}
	return p, nil
}

func parsePair(line []byte) (p Pair, err error) {
	fields, err := parseFields(line)
	if err != nil {
		return Pair{}, err
	}
	if p.Text, err = takeText(fields, "text", true); err != nil {
		return Pair{}, err
	}
	p.Target, err = takeText(fields, "target", true)
	return p, err
}

// parseFields reads the members of a line.
func parseFields(line []byte) (fields map[string]any, err error) {
	if !utf8.Valid(line) {
		return nil, errors.New("not UTF-8")
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, errors.New("not a JSON object")
	}
	return fields, nil
}
