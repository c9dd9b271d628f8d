package corpus

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const sample = `{"_id": "a", "title": "Ice", "text": "floats", "year": 1999, "tags": ["x", 2], "metadata": {"url": "u", "n": null}}

{"id": 17, "text": "", "title": null}
`

var want = []Document{
	{"a", "Ice", "floats", map[string]any{"year": 1999., "tags": []any{"x", 2.}, "metadata": map[string]any{"url": "u", "n": nil}}},
	{"17", "", "", map[string]any{}},
}

func readAll(t *testing.T, path string, stdin io.Reader) (all []Document) {
	t.Helper()
	r, err := Open(path, stdin)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		d, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
}

func TestOpen(t *testing.T) {
	folder := t.TempDir()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, sample)
	z.Close()
	write(t, filepath.Join(folder, "docs.jsonl"), sample)
	write(t, filepath.Join(folder, "plain", "corpus.jsonl"), sample)
	write(t, filepath.Join(folder, "packed", "corpus.jsonl.gz"), zipped.String())
	for _, path := range []string{"docs.jsonl", "plain", "packed", "packed/corpus.jsonl.gz"} {
		if got := readAll(t, filepath.Join(folder, path), nil); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %v", path, got)
		}
	}
	if got := readAll(t, "-", strings.NewReader(sample)); !reflect.DeepEqual(got, want) {
		t.Errorf("standard input: read %v", got)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpenErrors(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "not.gz"), "plain text")
	for path, want := range map[string]string{
		"nowhere": "no such file",
		"":        "a folder without corpus.jsonl",
		"not.gz":  "invalid header",
	} {
		if _, err := Open(filepath.Join(folder, path), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	write(t, filepath.Join(folder, "cut.gz"), gzipped("{}")[:15])
	r, err := Open(filepath.Join(folder, "cut.gz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "cut.gz:1: unexpected EOF") {
		t.Error(err)
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func TestNextErrors(t *testing.T) {
	for line, want := range map[string]string{
		`{"text": "x"}`:                        `no field "_id" (or "id")`,
		`{"_id": "", "text": "x"}`:             `field "_id" is empty`,
		`{"_id": true, "text": "x"}`:           `field "_id" is neither a string nor a number`,
		`{"_id": "a"}`:                         `no field "text"`,
		`{"_id": "a", "text": 5}`:              `field "text" is not a string`,
		`{"_id": "a", "text": "", "title": 5}`: `field "title" is not a string`,
		`[1]`:                                  `not a JSON object: json: cannot unmarshal array`,
		`null`:                                 `null, not a JSON object`,
		`{"_id": "a", "text": "x"} {}`:         `more text after the JSON object`,
		`{"_id": "a"`:                          `not a JSON object: unexpected EOF`,
		"{\"_id\": \"\xff\"}":                  `not UTF-8`,
	} {
		r, err := Open("-", strings.NewReader("\n"+line))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err == nil || !strings.HasPrefix(err.Error(), "standard input:2: "+want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func TestQueries(t *testing.T) {
	r, err := OpenQueries("-", strings.NewReader(`{"_id": "1", "text": "what similarity laws", "other": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	if q, err := r.Next(); err != nil || q != (Query{"1", "what similarity laws"}) {
		t.Errorf("%v, %v", q, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Error(err)
	}
	if read, size := r.Progress(); read != 56 || size != 0 {
		t.Errorf("progress %d of %d", read, size)
	}
}

func TestRunWriter(t *testing.T) {
	var out bytes.Buffer
	w := NewRunWriter(&out, "steersight")
	if err := w.Write("q1", "d 1", 1, 1); err == nil {
		t.Error("an id with white space is taken")
	}
	for _, err := range []error{w.Write("q1", "d1", 1, 1.5), w.Write("q1", "d2", 2, 0.25), w.Flush()} {
		if err != nil {
			t.Error(err)
		}
	}
	if want := "q1 Q0 d1 1 1.5 steersight\nq1 Q0 d2 2 0.25 steersight\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range strings.Split(sample, "\n") {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if d, err := parse(line); err == nil && d.ID == "" {
			t.Errorf("%q has no id", line)
		}
	})
}
