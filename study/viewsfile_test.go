package study

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func viewLine(id string) string {
	return `{"_id":"` + id + `","qa":"Q: ` + id + `? A: yes.","summary":"s","purpose":"<p>"}` + "\n"
}

// writeViews writes a file of views.
func writeViews(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "views.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func checkFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s\nwant %s\n%v", got, want, err)
	}
}

// Whatever a run leaves behind, the next has the whole lines of views.
func TestOpenViews(t *testing.T) {
	a, b, failed := viewLine("a"), viewLine("b"), `{"_id":"f","error":"status 500"}`+"\n"
	for name, test := range map[string]struct{ text, kept string }{
		"empty":       {"", ""},
		"whole":       {a + b, a + b},
		"failed":      {a + failed + b, a + b},
		"cut":         {a + b[:20], a},
		"cut error":   {a + failed[:9], a},
		"no end":      {a + strings.TrimSpace(b), a + b},
		"blank lines": {"\n " + a + "\r\n" + strings.TrimSpace(b) + "\r\n", "\n " + a + "\r\n" + strings.TrimSpace(b) + "\r\n"},
		"blank, cut":  {"\n " + a + "\r\n" + b + "{", a + b},
		"other field": {strings.Replace(a, `{`, `{ "by": 1, `, 1), strings.Replace(a, `{`, `{ "by": 1, `, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeViews(t, test.text)
			f, err := OpenViews(path)
			if err != nil {
				t.Fatal(err)
			}
			checkFile(t, path, test.text)
			if f.Has("f") || f.Has("a") != (test.kept != "") {
				t.Errorf("has %v", f.order)
			}
			if err := f.begin(); err != nil {
				t.Fatal(err)
			}
			if err := f.append(DocumentViews{ID: "c", QA: "Q: c? A: yes.", Summary: "s", Purpose: "<p>"}); err != nil {
				t.Fatal(err)
			}
			if err := f.end(); err != nil {
				t.Fatal(err)
			}
			checkFile(t, path, test.kept+viewLine("c"))
			if err := f.sort([]string{"c", "b", "none", "a"}); err != nil {
				t.Fatal(err)
			}
			again, err := OpenViews(path)
			if err != nil || again.order[0] != "c" || again.unfit || len(again.order) != strings.Count(test.kept, "_id")+1 {
				t.Errorf("sorted %v, %v", again.order, err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

// Lines of documents that are not in the input stay, behind the others.
func TestViewsFileSort(t *testing.T) {
	path := writeViews(t, viewLine("x")+viewLine("b")+viewLine("y")+viewLine("a"))
	f, err := OpenViews(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.sort([]string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path, viewLine("a")+viewLine("b")+viewLine("x")+viewLine("y"))
}

// A file that is something else is not written over.
func TestOpenViewsErrors(t *testing.T) {
	a := viewLine("a")
	for text, want := range map[string]string{
		a + `{"_id":"b","title":"t","text":"x"}`: "views.jsonl:2: not a line of views, which has",
		a + `{"_id":"b","qa":"x","summary":"y"}`: "views.jsonl:2: not a line of views, which has",
		a + "{\n" + viewLine("b"):                "views.jsonl:2: not a line of views: unexpected end",
		a + "[]\n":                               "views.jsonl:2: not a line of views: json: cannot unmarshal array",
		a + viewLine("b") + a:                    `views.jsonl:3: document "a" is there twice`,
		`{"error":"x"}` + "\n":                   "views.jsonl:1: not a line of views, which has",
	} {
		path := writeViews(t, text)
		if _, err := OpenViews(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		checkFile(t, path, text)
	}
	if _, err := OpenViews(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Error(err)
	}
}

// FuzzViewsFile opens arbitrary files: an error, or after the first step of a run
// a file of whole lines with the same documents.
func FuzzViewsFile(f *testing.F) {
	f.Add([]byte(viewLine("a") + `{"_id":"f","error":"x"}` + "\n" + viewLine("b")[:30]))
	f.Add([]byte(" \r\n" + viewLine("a") + strings.TrimSpace(viewLine("b"))))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := writeViews(t, string(text))
		file, err := OpenViews(path)
		if err != nil {
			return
		}
		if err := errors.Join(file.begin(), file.end(), file.sort(nil)); err != nil {
			t.Fatal(err)
		}
		again, err := OpenViews(path)
		if err != nil || again.unfit || !slices.Equal(again.order, file.order) {
			t.Errorf("%q, then %q, %v", file.order, again.order, err)
		}
	})
}
