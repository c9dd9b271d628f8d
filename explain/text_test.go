package explain

import (
	"strings"
	"testing"

	"github.com/steersight/steersight/model"
)

func TestText(t *testing.T) {
	d := Document{Score: 1.5, SharedContribution: -0.25, Views: []View{
		{Name: model.Original, Score: 1, Features: []Leaf{
			{Feature: 7, Label: "cold water", Contribution: 0.25, Shared: true},
			{Feature: 3, Contribution: -0.5, Shared: true},
			{Feature: 1, Contribution: 9}}},
		{Name: model.QA, Score: 0.5, Features: []Leaf{{Feature: 7, Label: "cold water", Contribution: 0.125, Shared: true}}},
	}}
	got := string(appendText(nil, Pair{Query: "why \n does ice", Document: strings.Repeat("é", 200)}, d))
	want := "query     why does ice\n" +
		"document  " + strings.Repeat("é", 99) + "…\n" +
		"score     1.5000 = original 1.0000 + qa 0.5000\n" +
		"shared    2 features add -0.2500\n" +
		"  +0.3750       7  cold water                                original, qa\n" +
		"  -0.5000       3                                            original\n\n"
	if got != want {
		t.Errorf("text\n%s\nwant\n%s", got, want)
	}
}
