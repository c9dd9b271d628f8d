package model

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func score(x float64) *float64 { return &x }

func TestLabelFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "labels.jsonl")
	want := []Label{
		{Feature: 3, Label: "law & <order>", Author: "terms", Score: score(.7), Examples: 40},
		{Feature: 3, Label: "courts", Score: score(.9)},
		{Feature: 0, Label: ""},
		{Feature: 5, Label: "mine", Author: "me"},
		{Feature: 5, Label: "its", Score: score(1), ChatScore: score(.9)},
	}
	if err := WriteLabelFile(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadLabelFile(path)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	best, err := ReadLabels(path)
	if err != nil || !cmp.Equal(best, Labels{"", "", "", "courts", "", "mine"}) {
		t.Errorf("%q, %v", best, err)
	}
	if _, err := BestLabels(want, 5); err == nil || err.Error() != `label "mine" is of feature 5; the model has features 0 to 4` {
		t.Error(err)
	}
}

func TestLabelFilesThatAreNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "labels.jsonl")
	for text, want := range map[string]string{
		"{}\n":                     "line 1: no feature",
		"{\"feature\":4000000000}": "line 1: feature 4000000000: no model has so many",
		"{\"feature\":1,\"label\":\"a\"}\n\n{\"feature\":-1}":          "line 3: json: cannot unmarshal number -1 into Go struct field .feature of type uint32",
		"{\"feature\":1,\"lable\":\"a\"}":                              "line 1: json: unknown field \"lable\"",
		"{\"feature\":1,\"label\":\"a\"} {}":                           "line 1: more text after the object",
		"{\"feature\":1,\"label\":\"a\\nb\"}":                          "line 1: label \"a\\nb\" has a line break in it",
		"{\"feature\":1,\"label\":\"a\",\"score\":1.5}":                "line 1: score 1.5: must be 0 to 1",
		"{\"feature\":1,\"label\":\"a\",\"chat_score\":-1}":            "line 1: score -1: must be 0 to 1",
		"{\"feature\":1,\"label\":\"a\"}\nfeature 2: something else\n": "line 2: invalid character 'e' in literal false (expecting 'a')",
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLabels(path); err == nil || err.Error() != path+": "+want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
