package explain

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestPairReader(t *testing.T) {
	input := "\n \t\r\n" +
		`{"query": "q1", "doc": "d1", "query_id": 2.50, "doc_id": {"b": [1, NaN]}, "extra": "\ud800"}` + "\r" +
		"\u00a0\x1f" + `{"query": "one", "query": "two", "doc": ""}` + " \n"
	r := NewPairReader(strings.NewReader(input), "in.jsonl")
	var got []string
	for {
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		q, _ := p.QueryID.Append(nil)
		d, _ := p.DocID.Append(nil)
		got = append(got, fmt.Sprintf("%d %s %s %q %q", p.Line, q, d, p.Query, p.Document))
	}
	want := `3 2.5 {"b": [1, NaN]} "q1" "d1"; 4 null null "two" ""`
	if strings.Join(got, "; ") != want {
		t.Errorf("read  %s\nwant %s", strings.Join(got, "; "), want)
	}
}

func TestPairReaderRefuses(t *testing.T) {
	for line, want := range map[string]string{
		`{"doc": "d"}`:                                `in.jsonl:2: field "query" is missing`,
		`{"query": "q"}`:                              `in.jsonl:2: field "doc" is missing`,
		`{"query": 5, "doc": "d"}`:                    `in.jsonl:2: field "query" is a number, not a string`,
		`{"query": "q", "doc": null}`:                 `in.jsonl:2: field "doc" is null, not a string`,
		`["query", "doc"]`:                            `in.jsonl:2: a list, not an object with "query" and "doc"`,
		`"query doc"`:                                 `in.jsonl:2: a string, not an object with "query" and "doc"`,
		`{"query": "\ud800"}`:                         `in.jsonl:2: field "query": half of a surrogate pair (such as \ud800) is not a character`,
		`{'query': 1}`:                                `in.jsonl:2: not JSON at byte 2: a key in double quotes should stand here`,
		"{\"query\": \"\xff\"}":                       `in.jsonl:2: not JSON at byte 12: byte 0xff is not UTF-8`,
		`{"query":"q","doc":"d","doc_id":["\udc00"]}`: `in.jsonl:2: field "doc_id": half of a surrogate pair (such as \ud800) is not a character`,
	} {
		r := NewPairReader(strings.NewReader("\n"+line+"\n"), "in.jsonl")
		if _, err := r.Next(); err == nil || err.Error() != want {
			t.Errorf("%s\n gives %v\n want  %s", line, err, want)
		}
	}
}
