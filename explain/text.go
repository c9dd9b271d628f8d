package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/steersight/steersight/model"
)

// textFeatures is how many shared features the Text format lists.
const textFeatures = 8

// appendText appends the pair in the Text format: its texts, the score by
// view, and the shared features that add most to the score.
func appendText(dst []byte, pair Pair, d Document) []byte {
	dst = fmt.Appendf(dst, "query     %s\ndocument  %s\n", Excerpt(pair.Query), Excerpt(pair.Document))
	dst = fmt.Appendf(dst, "score     %.4f =", d.Score)
	for i, view := range d.Views {
		if i > 0 {
			dst = append(dst, " +"...)
		}
		dst = fmt.Appendf(dst, " %s %.4f", view.Name, view.Score)
	}
	features := sharedByContribution(d)
	dst = fmt.Appendf(dst, "\nshared    %d features add %+.4f\n", len(features), d.SharedContribution)
	for i, f := range features {
		if i == textFeatures {
			dst = fmt.Appendf(dst, "          and %d more\n", len(features)-i)
			break
		}
		line := fmt.Sprintf("%+9.4f  %6d  %-40s  %s", f.contribution, f.feature, Excerpt(f.label), joinViews(f.views))
		dst = append(append(dst, strings.TrimRight(line, " ")...), '\n')
	}
	return append(dst, '\n')
}

// A sharedFeature is a shared feature over all views.
type sharedFeature struct {
	feature      uint32
	label        string
	contribution float64 // summed over the views that share it
	views        []model.View
}

// sharedByContribution returns the shared features of all views, those that
// add most first.
func sharedByContribution(d Document) []sharedFeature {
	at := map[uint32]int{}
	var all []sharedFeature
	for _, view := range d.Views {
		for _, leaf := range view.Features {
			if !leaf.Shared {
				continue
			}
			i, seen := at[leaf.Feature]
			if !seen {
				i = len(all)
				at[leaf.Feature] = i
				all = append(all, sharedFeature{feature: leaf.Feature, label: leaf.Label})
			}
			all[i].contribution += leaf.Contribution
			all[i].views = append(all[i].views, view.Name)
		}
	}
	slices.SortFunc(all, func(a, b sharedFeature) int {
		return cmp.Or(cmp.Compare(b.contribution, a.contribution), cmp.Compare(a.feature, b.feature))
	})
	return all
}

func joinViews(views []model.View) string {
	names := make([]string, len(views))
	for i, view := range views {
		names[i] = string(view)
	}
	return strings.Join(names, ", ")
}

// Excerpt returns the beginning of a text, on one line.
func Excerpt(text string) string {
	const most = 100
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}
