package model

import (
	"os"
	"strings"
	"unicode/utf8"
)

// Labels are the hypotheses of features: label j belongs to feature j. There
// may be fewer or more of them than features.
type Labels []string

// Of returns the label of a feature, "" where there is none.
func (l Labels) Of(feature int) string {
	if feature < 0 || feature >= len(l) {
		return ""
	}
	return l[feature]
}

// ReadLabels reads a text file whose line j, counted from 0, is the label of
// feature j. A line ends with \n, \r\n or \r; spaces belong to the label, and a
// byte order mark at the beginning of the file does not. A line that is not
// UTF-8 is an error.
func ReadLabels(path string) (Labels, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := strings.TrimPrefix(string(b), "\ufeff")
	var labels Labels
	for len(text) > 0 {
		var line string
		line, text = cutLine(text)
		if !utf8.ValidString(line) {
			return nil, wrongFile(path, "line %d is not utf-8", len(labels)+1)
		}
		labels = append(labels, line)
	}
	return labels, nil
}

// cutLine returns the first line without its end, and what follows.
func cutLine(text string) (line, rest string) {
	i := strings.IndexAny(text, "\r\n")
	if i < 0 {
		return text, ""
	}
	end := i + 1
	if strings.HasPrefix(text[i:], "\r\n") {
		end++
	}
	return text[:i], text[end:]
}
