package lines

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func readAll(src io.Reader) (all []string, err error) {
	r := NewReader(src)
	for {
		line, err := r.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, string(line))
		if r.Number() != len(all) {
			return all, errors.New("wrong line number")
		}
	}
}

func TestNext(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for text, want := range map[string][]string{
		"":                   nil,
		"\n":                 {""},
		"a":                  {"a"},
		"a\nb\r\nc\rd":       {"a", "b", "c", "d"},
		"a\r\r\n\n\rb\n\r":   {"a", "", "", "", "b", ""},
		"a\u2028b\vc\n":      {"a\u2028b\vc"},
		long + "\r\n" + long: {long, long},
	} {
		for name, src := range map[string]io.Reader{"whole": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
			got, err := readAll(src)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %.40q read as %.80q, %v", name, text, got, err)
			}
		}
	}
}

func TestNextErrors(t *testing.T) {
	r := NewReader(strings.NewReader("ab\nabcdef\n"))
	r.max = 4
	if line, err := r.Next(); string(line) != "ab" || err != nil {
		t.Errorf("first line %q, %v", line, err)
	}
	if _, err := r.Next(); !errors.Is(err, ErrTooLong) {
		t.Errorf("long line: %v", err)
	}
	broken := errors.New("broken pipe")
	if _, err := readAll(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error of the source: %v", err)
	}
}
