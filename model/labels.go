package model

import (
	"bufio"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/steersight/steersight/internal/lines"
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
// UTF-8 is an error. The labels of an empty file are not nil. Of a file of JSON
// lines, by its ending .jsonl, it returns the best of each feature.
func ReadLabels(path string) (Labels, error) {
	if strings.HasSuffix(path, labelFileEnding) {
		all, err := ReadLabelFile(path)
		if err != nil {
			return nil, err
		}
		features := 0
		for _, l := range all {
			features = max(features, int(l.Feature)+1)
		}
		return BestLabels(all, features)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	labels := Labels{}
	text := bufio.NewReader(file)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		text.Discard(len(mark))
	}
	for reader := lines.NewReader(text); ; {
		line, err := reader.Next()
		if err == io.EOF {
			return labels, nil
		}
		if err != nil {
			return nil, wrongFile(path, "line %d: %w", reader.Number(), err)
		}
		if !utf8.Valid(line) {
			return nil, wrongFile(path, "line %d is not utf-8", reader.Number())
		}
		labels = append(labels, string(line))
	}
}
