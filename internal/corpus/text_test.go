package corpus

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpenTexts(t *testing.T) {
	const lines = `{"_id":"a","title":"Ice","text":"floats","purpose":"why?"}` + "\n\n" + `{"text":"sinks","purpose":"how?"}` + "\n"
	for field, want := range map[string][]string{"text": {"Ice floats", "sinks"}, "purpose": {"why?", "how?"}} {
		r, err := OpenTexts("-", field, strings.NewReader(lines))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			text, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, text)
		}
		if !cmp.Equal(got, want) {
			t.Errorf("%s: %q", field, got)
		}
	}
	for line, field := range map[string]string{`{"text":"a"}`: "qa", `["a"]`: "text", "{\"text\":\"\xff\"}": "text", `{"text":3}`: "text"} {
		r, err := OpenTexts("-", field, strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err == nil || !strings.HasPrefix(err.Error(), "standard input:1: ") {
			t.Errorf("%s of %s: %v", field, line, err)
		}
	}
}
