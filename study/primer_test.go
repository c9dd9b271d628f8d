package study

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/internal/fixtures"
)

// A passage is a line of the Primer's corpus, and one of its views.
type passage struct {
	ID      string `json:"_id"`
	Title   string
	Text    string
	Subject string

	QA, Summary, Purpose string
	Kind                 string
}

func primer(t *testing.T, name string) map[string]passage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fixtures.Root(), "examples", "primer", name))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]passage{}
	for line := range strings.Lines(string(text)) {
		var p passage
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%s: %v: %s", name, err, line)
		}
		if _, twice := all[p.ID]; twice || p.ID == "" {
			t.Errorf("%s: id %q is empty or there twice", name, p.ID)
		}
		all[p.ID] = p
	}
	return all
}

// The Primer is what its README says.
func TestPrimer(t *testing.T) {
	passages, views, queries := primer(t, "corpus.jsonl"), primer(t, "views.jsonl"), primer(t, "queries.jsonl")
	subjects, kinds := map[string]int{}, map[string]int{}
	for id, p := range passages {
		subjects[p.Subject]++
		if n := len(strings.Fields(p.Text)); n < 70 || n > 120 || p.Title == "" {
			t.Errorf("%s: %d words, title %q", id, n, p.Title)
		}
		if v := views[id]; v.Summary == "" || v.Purpose == "" || strings.Count(v.QA, "Q: ") < 4 || strings.Count(v.QA, "Q: ") != strings.Count(v.QA, " A: ") {
			t.Errorf("%s: views %+v", id, v)
		}
	}
	for _, q := range queries {
		kinds[q.Kind]++
	}
	if len(passages) != 624 || len(views) != 624 || len(subjects) != 24 || kinds["plain"] != 72 || kinds["reasoning"] != 96 {
		t.Errorf("%d passages, %d views, %d subjects, %v queries", len(passages), len(views), len(subjects), kinds)
	}
	judged := map[string]bool{}
	for _, split := range []string{"dev", "test"} {
		judgments, err := corpus.OpenJudgments(filepath.Join(fixtures.Root(), "examples", "primer"), split)
		if err != nil {
			t.Fatal(err)
		}
		for q, documents := range judgments {
			best := 0
			for d, score := range documents {
				if best = max(best, score); passages[d].ID == "" || score < 1 || score > 2 {
					t.Errorf("%s: %s is judged %d", q, d, score)
				}
			}
			if best != 2 || judged[q] || queries[q].ID == "" {
				t.Errorf("%s: best judgment %d, in both splits %v", q, best, judged[q])
			}
			judged[q] = true
		}
	}
	if len(judged) != len(queries) {
		t.Errorf("%d of %d queries are judged", len(judged), len(queries))
	}
}
