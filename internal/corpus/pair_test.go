package corpus

import (
	"io"
	"strings"
	"testing"
)

func TestPairs(t *testing.T) {
	read := func(text string) (pairs []Pair, err error) {
		r, err := OpenPairs("-", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for {
			p, err := r.Next()
			if err == io.EOF {
				return pairs, nil
			}
			if err != nil {
				return pairs, err
			}
			pairs = append(pairs, p)
		}
	}
	pairs, err := read("{\"text\": \"a\", \"target\": \"b\", \"more\": 1}\n\n{\"target\": \"\", \"text\": \"é\"}")
	if err != nil || len(pairs) != 2 || pairs[0] != (Pair{"a", "b"}) || pairs[1] != (Pair{"é", ""}) {
		t.Errorf("%q, %v", pairs, err)
	}
	for text, want := range map[string]string{
		`{"text": "a"}`:                  `standard input:1: no field "target"`,
		"\n{\"target\": \"a\"}":          `standard input:2: no field "text"`,
		`{"text": "a", "target": 1}`:     `field "target" is not a string`,
		`["a", "b"]`:                     "not a JSON object",
		`null`:                           `no field "text"`,
		"{\"text\": \"\xff\"}":           "not UTF-8",
		`{"text": "a", "target": "b"} x`: "not a JSON object",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
