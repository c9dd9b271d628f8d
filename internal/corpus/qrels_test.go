package corpus

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func writeFile(t *testing.T, text string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestOpenJudgments(t *testing.T) {
	want := Judgments{"q1": {"d1": 2, "d 2": 0}, "q2": {"d1": 1}}
	folder, flat := t.TempDir(), t.TempDir()
	beir := "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td 2\t0\n\nq2\td1\t1\r\n"
	writeFile(t, beir, folder, "qrels", "dev.tsv")
	writeFile(t, beir, flat, "qrels.tsv")
	for _, path := range []string{folder, flat, filepath.Join(folder, "qrels", "dev.tsv")} {
		got, err := OpenJudgments(path, "dev")
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	trec, err := OpenJudgments(writeFile(t, "1 0 a 3\n1 0 b 0\n2\t0\ta\t1\n", folder, "trec"), "")
	if err != nil || !cmp.Equal(trec, Judgments{"1": {"a": 3, "b": 0}, "2": {"a": 1}}) {
		t.Errorf("%v, %v", trec, err)
	}
}

func TestJudgmentsThatAreNone(t *testing.T) {
	folder := t.TempDir()
	for text, want := range map[string]string{
		"":                          "bad: no judgments in it",
		"query\tdocument\tscore\n":  "bad: no judgments in it",
		"q\td\t1\nq\td\n":           "bad:2: 2 columns; want query, document and score, or those of TREC",
		"q\td\t1\nq\te\tgood\n":     "bad:2: score \"good\" is not a whole number",
		"q\td\t1\nq\te\t1\nq\td\t2": "bad:3: query q and document d are judged twice",
	} {
		path := writeFile(t, text, folder, "bad")
		if _, err := OpenJudgments(path, ""); err == nil || err.Error() != folder+string(filepath.Separator)+want {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := OpenJudgments(folder, "test"); err == nil {
		t.Error("a folder without judgments")
	}
}
