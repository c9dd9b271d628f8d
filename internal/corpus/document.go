package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// A Document is one text to index.
type Document struct {
	ID          string
	Title, Text string
	Fields      map[string]any // all other fields, as encoding/json reads them
}

// A Reader reads documents. Its memory does not grow with their number.
type Reader struct{ *source }

// Open opens documents: a file of JSON lines, compressed if its name ends in
// .gz, a BEIR folder, or standard input for "-".
func Open(path string, stdin io.Reader) (*Reader, error) {
	s, err := open(path, "corpus.jsonl", stdin)
	return &Reader{s}, err
}

// Next returns the next document, or io.EOF. Other errors name file and line.
func (r *Reader) Next() (Document, error) {
	line, err := r.next()
	if err != nil {
		return Document{}, err
	}
	d, err := parse(line)
	if err != nil {
		return Document{}, r.wrong(err)
	}
	return d, nil
}

// A Query is one text to search for.
type Query struct {
	ID, Text string
}

// A QueryReader reads queries.
type QueryReader struct{ *source }

// OpenQueries opens queries in the forms that Open takes.
func OpenQueries(path string, stdin io.Reader) (*QueryReader, error) {
	s, err := open(path, "queries.jsonl", stdin)
	return &QueryReader{s}, err
}

// Next returns the next query, or io.EOF. Other errors name file and line.
func (r *QueryReader) Next() (Query, error) {
	line, err := r.next()
	if err != nil {
		return Query{}, err
	}
	d, err := parse(line)
	if err != nil {
		return Query{}, r.wrong(err)
	}
	return Query{d.ID, d.Text}, nil
}

// parse reads one line.
func parse(line []byte) (Document, error) {
	if !utf8.Valid(line) {
		return Document{}, errors.New("not UTF-8")
	}
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return Document{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if fields == nil {
		return Document{}, errors.New("null, not a JSON object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Document{}, errors.New("more text after the JSON object")
	}
	var d Document
	var err error
	if d.ID, err = takeID(fields); err != nil {
		return Document{}, err
	}
	if d.Text, err = takeText(fields, "text", true); err != nil {
		return Document{}, err
	}
	if d.Title, err = takeText(fields, "title", false); err != nil {
		return Document{}, err
	}
	d.Fields = plain(fields).(map[string]any)
	return d, nil
}

// takeID removes the id from the fields and returns it.
func takeID(fields map[string]any) (string, error) {
	for _, name := range []string{"_id", "id"} {
		value, ok := fields[name]
		if !ok {
			continue
		}
		delete(fields, name)
		switch id := value.(type) {
		case string:
			if id == "" {
				return "", fmt.Errorf("field %q is empty", name)
			}
			return id, nil
		case json.Number:
			return id.String(), nil
		}
		return "", fmt.Errorf("field %q is neither a string nor a number", name)
	}
	return "", errors.New(`no field "_id" (or "id")`)
}

// takeText removes a string from the fields and returns it.
func takeText(fields map[string]any, name string, required bool) (string, error) {
	value, ok := fields[name]
	delete(fields, name)
	text, isString := value.(string)
	switch {
	case isString || !required && value == nil:
		return text, nil
	case !ok:
		return "", fmt.Errorf("no field %q", name)
	}
	return "", fmt.Errorf("field %q is not a string", name)
}

// plain turns numbers into float64, all the way down.
func plain(value any) any {
	switch v := value.(type) {
	case json.Number:
		f, _ := v.Float64() // beyond float64: an infinity, which no filter matches
		return f
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return value
}
