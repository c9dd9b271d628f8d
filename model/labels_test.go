package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestReadLabels(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Labels
		err        string
	}{
		{"empty", "", nil, ""},
		{"final newline", "a\nb\n", Labels{"a", "b"}, ""},
		{"no final newline", "a\nb", Labels{"a", "b"}, ""},
		{"blank lines count", "\n\na\n\n", Labels{"", "", "a", ""}, ""},
		{"spaces stay", "  a \t\nb \n", Labels{"  a \t", "b "}, ""},
		{"crlf", "a \r\nb\r\n", Labels{"a ", "b"}, ""},
		{"cr", "a\rb\r\rc", Labels{"a", "b", "", "c"}, ""},
		{"mixed", "a\r\r\nb\n\rc", Labels{"a", "", "b", "", "c"}, ""},
		{"other separators stay", "a\vb\fc\u2028d\u0085e", Labels{"a\vb\fc\u2028d\u0085e"}, ""},
		{"byte order mark", "\ufeffa\n\ufeffb", Labels{"a", "\ufeffb"}, ""},
		{"only a byte order mark", "\ufeff", nil, ""},
		{"nul", "a\x00b\n", Labels{"a\x00b"}, ""},
		{"not utf-8", "ok\n\xff\xfe\n", nil, "line 2 is not utf-8"},
		{"surrogate", "\xed\xa0\x80", nil, "line 1 is not utf-8"},
	} {
		path := filepath.Join(t.TempDir(), "labels.txt")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadLabels(path)
		if c.err != "" {
			if err == nil || err.Error() != path+": "+c.err {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if _, err := ReadLabels(t.TempDir() + "/none"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestLabelsOf(t *testing.T) {
	l := Labels{"a", "b"}
	got := strings.Join([]string{l.Of(-1), l.Of(0), l.Of(1), l.Of(2)}, "|")
	if got != "|a|b|" {
		t.Error(got)
	}
}

func FuzzReadLabels(f *testing.F) {
	f.Add("a\r\n\rb\n")
	f.Add("\ufeff\xff")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "labels.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		labels, err := ReadLabels(path)
		if err != nil {
			if utf8.ValidString(text) {
				t.Fatal(err)
			}
			return
		}
		text = strings.TrimPrefix(text, "\ufeff")
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
		if want := strings.TrimSuffix(text, "\n"); strings.Join(labels, "\n") != want {
			t.Fatalf("%q, want %q", labels, want)
		}
	})
}
