package corpus

import "io"

// A TextReader reads one text of each line. Its memory does not grow with their
// number.
type TextReader struct {
	*source
	field string
}

// OpenTexts opens lines of JSON in the forms that Open takes. The text of a line
// is its member field; for "text" with its "title", if there is one, before it.
func OpenTexts(path, field string, stdin io.Reader) (*TextReader, error) {
	s, err := open(path, "corpus.jsonl", stdin)
	return &TextReader{s, field}, err
}

// Next returns the next text, or io.EOF. Other errors name file and line.
func (r *TextReader) Next() (string, error) {
	line, err := r.next()
	if err != nil {
		return "", err
	}
	text, err := textOf(line, r.field)
	if err != nil {
		return "", r.wrong(err)
	}
	return text, nil
}

func textOf(line []byte, field string) (string, error) {
	fields, err := parseFields(line)
	if err != nil {
		return "", err
	}
	text, err := takeText(fields, field, true)
	if err != nil || field != "text" {
		return text, err
	}
	title, err := takeText(fields, "title", false)
	return Join(title, text), err
}

// Join joins title and text as BEIR does.
func Join(title, text string) string {
	if title == "" {
		return text
	}
	return title + " " + text
}
