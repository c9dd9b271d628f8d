package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/model"
)

// TermsAuthor is the author of the labels that Label makes.
const TermsAuthor = "terms"

// LabelSettings say how features are labelled.
type LabelSettings struct {
	MinDocuments int    `json:"min_documents"` // a feature of fewer is not labelled
	MaxDocuments int    `json:"max_documents"` // of the index that are read, drawn at random
	Seed         uint64 `json:"seed"`
}

// The numbers of texts that labels are made of and judged by, after Delphi
// (Paulo et al. 2024).
const (
	madeOf     = 40 // texts with the feature, and as many of each kind without
	judgedBy   = 50 // texts with the feature at most, and as many without
	deciles    = 10 // of activation, from which these are drawn evenly
	nearest    = 10 // features by decoder cosine, whose texts are the hard ones
	labelTerms = 3  // words or pairs of words in a label, at most
)

// A LabelReport says how good labels are.
type LabelReport struct {
	Settings  LabelSettings `json:"settings"`
	Documents int           `json:"documents"`
	Features  int           `json:"features"`
	Active    int           `json:"active"`   // features that any document has
	Labelled  int           `json:"labelled"` // of them
	// Score is the mean detection score of the labels, Shuffled that of the same
	// labels given to each other's features.
	Score    Figure `json:"detection_score"`
	Shuffled Figure `json:"shuffled_score"`
	// Chat is of the labels by a language model, Score and Shuffled of those by
	// terms.
	Chat *ChatReport `json:"chat,omitempty"`
}

// Label names the features of an index by the words that texts with a feature
// have and texts without it have not, half of which are of features that point
// nearly the same way (class-based TF-IDF). It makes the label from one half of
// a feature's texts, and judges it by the other: the index's encoder embeds the
// label, and of as many texts with the feature as without, the half nearest to
// the label should be those with it. The detection score is the share that is,
// 0.5 by chance.
//
// With a chat (nil for none) a language model names the features too, from some
// of the same texts; its labels are judged in the same way, and by the model.
// Labels that it has made when Label fails have been given to the chat's Keep.
func Label(ctx context.Context, ix *index.Index, s LabelSettings, chat *LabelChat, progress func(features int)) ([]model.Label, *LabelReport, error) {
	if s.MinDocuments < 4 || s.MaxDocuments < 2*s.MinDocuments {
		return nil, nil, fmt.Errorf("%d documents a feature of %d in all: at least 4 and twice as many are needed", s.MinDocuments, s.MaxDocuments)
	}
	sae := ix.Model().SAE
	words := 0
	if chat != nil {
		words = shownWords
	}
	t, err := readTexts(ctx, ix, sae.Features, s.MaxDocuments, words, s.Seed)
	if err != nil {
		return nil, nil, err
	}
	l := &labeller{texts: t, sae: sae, settings: s}
	l.choose()
	report := &LabelReport{Settings: s, Documents: len(t.rows), Features: sae.Features, Active: l.active}
	var drafts []draft
	for n, j := range l.features {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		drafts = append(drafts, l.draft(j))
		progress(n + 1)
	}
	var byChat []model.Label
	if chat != nil {
		if byChat, report.Chat, err = l.byChat(ctx, ix, chat, drafts); err != nil {
			return nil, report, err
		}
	}
	labels, err := l.byTerms(ctx, ix, drafts, report)
	if err != nil {
		return nil, report, err
	}
	return append(labels, byChat...), report, nil
}

// byTerms returns the labels of the drafts that have one.
func (l *labeller) byTerms(ctx context.Context, ix *index.Index, all []draft, report *LabelReport) ([]model.Label, error) {
	drafts := slices.DeleteFunc(slices.Clone(all), func(d draft) bool { return d.label == "" })
	report.Labelled = len(drafts)
	if len(drafts) == 0 {
		return nil, nil
	}
	scores, shuffled, err := judge(ctx, ix, l.texts, drafts)
	if err != nil {
		return nil, err
	}
	report.Score, report.Shuffled = newFigure(scores), newFigure(shuffled)
	labels := make([]model.Label, len(drafts))
	for i, d := range drafts {
		labels[i] = model.Label{Feature: uint32(d.feature), Label: d.label, Author: TermsAuthor, Score: &scores[i], Examples: len(d.from)}
	}
	return labels, nil
}

// A labeller makes drafts of labels.
type labeller struct {
	*texts
	sae      *model.SAE
	settings LabelSettings
	active   int
	features []int       // that have enough documents
	units    [][]float32 // their decoder columns, of length 1
}

// A draft is a label with the texts to judge it by.
type draft struct {
	feature   int
	label     string
	from      []int // rows with the feature that it is made from
	with      []int // rows to judge it by, as many as without
	without   []int
	chatScore float64 // as the language model judges its own
}

// choose finds the features that have enough documents.
func (l *labeller) choose() {
	for j, rows := range l.feature {
		if len(rows) > 0 {
			l.active++
		}
		if len(rows) < l.settings.MinDocuments || len(l.rows)-len(rows) < l.settings.MinDocuments {
			continue
		}
		unit := slices.Clone(l.sae.Decoder[j*l.sae.Dim:][:l.sae.Dim])
		norm := float32(math.Sqrt(gpu.Dot(unit, unit)))
		if norm > 0 {
			for i := range unit {
				unit[i] /= norm
			}
		}
		l.features, l.units = append(l.features, j), append(l.units, unit)
	}
}

// draft makes the label of a feature.
func (l *labeller) draft(j int) draft {
	random := rand.New(rand.NewPCG(l.settings.Seed, uint64(j)+2))
	var halves [2][]int
	for i, a := range l.feature[j] { // the most active first, by turns
		halves[i%2] = append(halves[i%2], a.row)
	}
	with := spread(halves[0], madeOf, random)
	judges := spread(halves[1], judgedBy, random)
	hard := l.hard(j, random)
	others := l.others(j, len(hard)+madeOf+judgedBy, random)
	// Each text without the feature is used once: to make or to judge.
	made := min(madeOf, len(hard)/2)
	without := slices.Concat(hard[:made], others[:min(madeOf, len(others)/2)])
	against := mix(hard[made:], others[min(madeOf, len(others)/2):], without, len(judges))
	n := min(len(judges), len(against))
	return draft{feature: j, label: l.contrast(with, without), from: with, with: judges[:n], without: against[:n]}
}

// spread draws n rows evenly from the deciles of rows, which go from the most
// active down.
func spread(rows []int, n int, random *rand.Rand) []int {
	if len(rows) <= n {
		return slices.Clone(rows)
	}
	var drawn []int
	for d := range deciles {
		from, to := d*len(rows)/deciles, (d+1)*len(rows)/deciles
		for _, i := range random.Perm(to - from)[:min(to-from, (d+1)*n/deciles-d*n/deciles)] {
			drawn = append(drawn, rows[from+i])
		}
	}
	return drawn
}

// hard returns rows without feature j but with one whose decoder column is near.
func (l *labeller) hard(j int, random *rand.Rand) []int {
	self, _ := slices.BinarySearch(l.features, j)
	type near struct {
		feature int
		cosine  float64
	}
	var all []near
	for i, other := range l.features {
		if other != j {
			all = append(all, near{other, gpu.Dot(l.units[self], l.units[i])})
		}
	}
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(b.cosine, a.cosine) })
	seen := l.having(j)
	var rows []int
	for _, n := range all[:min(nearest, len(all))] {
		for _, a := range l.feature[n.feature] {
			if !seen[a.row] {
				seen[a.row] = true
				rows = append(rows, a.row)
			}
		}
	}
	random.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
	return rows[:min(len(rows), madeOf+judgedBy)]
}

// having marks the rows that have feature j.
func (l *labeller) having(j int) map[int]bool {
	rows := make(map[int]bool, len(l.feature[j]))
	for _, a := range l.feature[j] {
		rows[a.row] = true
	}
	return rows
}

// others returns up to n random rows without feature j.
func (l *labeller) others(j, n int, random *rand.Rand) (rows []int) {
	seen := l.having(j)
	for _, row := range random.Perm(len(l.rows)) {
		if !seen[row] {
			if rows = append(rows, row); len(rows) == n {
				break
			}
		}
	}
	return rows
}

// mix takes rows by turns from a and b, none twice and none that was used,
// until there are n.
func mix(a, b, used []int, n int) (rows []int) {
	seen := map[int]bool{}
	for _, row := range used {
		seen[row] = true
	}
	for i := 0; len(rows) < n && i < max(len(a), len(b)); i++ {
		for _, from := range [][]int{a, b} {
			if i < len(from) && !seen[from[i]] && len(rows) < n {
				seen[from[i]] = true
				rows = append(rows, from[i])
			}
		}
	}
	return rows
}

// contrast returns the terms that tell rows with a feature from those without,
// as a label; "" where none does.
func (l *labeller) contrast(with, without []int) string {
	type weighed struct {
		term   uint32
		weight float64
	}
	inside, outside := l.count(with), l.count(without)
	var all []weighed
	for term, n := range inside {
		p := float64(n) / float64(len(with))
		if n < 2 || p < .1 {
			continue
		}
		rest := max((float64(outside[term])+.5)/(float64(len(without))+1), float64(l.byTerm[term])/float64(len(l.rows)))
		if weight := p * math.Log(p/rest); weight > 0 {
			all = append(all, weighed{term, weight})
		}
	}
	slices.SortFunc(all, func(a, b weighed) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(l.terms.surface(a.term), l.terms.surface(b.term)))
	})
	var words []string
	used := map[string]bool{}
	for i := 0; i < len(all) && len(words) < labelTerms && all[i].weight > all[0].weight/4; i++ {
		term := all[i].term
		if slices.ContainsFunc(l.terms.stems[term], func(stem string) bool { return used[stem] }) {
			continue
		}
		for _, longer := range all { // a pair of words says more than one of them
			if len(l.terms.stems[term]) == 1 && len(l.terms.stems[longer.term]) == 2 && longer.weight > .6*all[i].weight &&
				slices.Contains(l.terms.stems[longer.term], l.terms.stems[term][0]) {
				term = longer.term
				break
			}
		}
		for _, stem := range l.terms.stems[term] {
			used[stem] = true
		}
		words = append(words, l.terms.surface(term))
	}
	return strings.Join(words, ", ")
}

// count counts the rows that have a term.
func (l *labeller) count(rows []int) map[uint32]int {
	counts := map[uint32]int{}
	for _, row := range rows {
		for _, term := range l.rows[row].terms {
			counts[term]++
		}
	}
	return counts
}

// judge returns the detection scores of the drafts, and those of each other's
// labels.
func judge(ctx context.Context, ix *index.Index, t *texts, drafts []draft) (scores, shuffled []float64, err error) {
	names := make([]string, len(drafts))
	for i, d := range drafts {
		names[i] = d.label
	}
	embedded, err := ix.EmbedQueries(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	for i, d := range drafts {
		scores = append(scores, t.detection(embedded[i], d))
		shuffled = append(shuffled, t.detection(embedded[(i+len(drafts)/2)%len(drafts)], d))
	}
	return scores, shuffled, nil
}

// detection returns the share of a draft's texts that a label puts on the right
// side: the half of them nearest to it should be those with the feature. Equals
// count as half right.
func (t *texts) detection(label []float32, d draft) float64 {
	type text struct {
		with   bool
		cosine float64
	}
	var all []text
	for i := range d.with {
		all = append(all, text{true, t.cosine(label, d.with[i])}, text{false, t.cosine(label, d.without[i])})
	}
	n := len(d.with)
	if n == 0 {
		return .5
	}
	slices.SortStableFunc(all, func(a, b text) int { return cmp.Compare(b.cosine, a.cosine) })
	edge := all[n-1].cosine
	var above, aboveWith, equal, equalWith float64
	for _, x := range all {
		with := 0.
		if x.with {
			with = 1
		}
		switch {
		case x.cosine > edge:
			above, aboveWith = above+1, aboveWith+with
		case x.cosine == edge:
			equal, equalWith = equal+1, equalWith+with
		}
	}
	return (aboveWith + (float64(n)-above)*equalWith/equal) / float64(n)
}

// cosine returns the cosine of a label and a row.
func (t *texts) cosine(label []float32, row int) float64 {
	z := t.rows[row].embedding
	if len(z) != len(label) {
		return 0
	}
	norm := math.Sqrt(gpu.Dot(z, z) * gpu.Dot(label, label))
	if norm == 0 {
		return 0
	}
	return gpu.Dot(label, z) / norm
}

// Print prints the report for people.
func (r *LabelReport) Print(out io.Writer) error {
	byChat := r.Chat != nil && r.Chat.Answered+r.Chat.Kept > 0
	if r.Labelled == 0 && !byChat {
		return errors.New("no feature has a label: too few documents, or no words that tell them apart")
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "documents\t%d\n", r.Documents)
	fmt.Fprintf(t, "features\t%d, of which %d are active and %d labelled (from %d documents on)\n", r.Features, r.Active, r.Labelled, r.Settings.MinDocuments)
	fmt.Fprintf(t, "detection\t%.3f (95 %%: %.3f to %.3f); with shuffled labels %.3f\n", r.Score.Mean, r.Score.Low, r.Score.High, r.Shuffled.Mean)
	if c := r.Chat; byChat {
		fmt.Fprintf(t, "by %s\t%d labels, of which %d were there; %d features failed\n", c.Author, c.Answered+c.Kept, c.Kept, c.Failed)
		fmt.Fprintf(t, "detection\t%.3f (95 %%: %.3f to %.3f); with shuffled labels %.3f\n", c.Score.Mean, c.Score.Low, c.Score.High, c.Shuffled.Mean)
		fmt.Fprintf(t, "as it judges\t%.3f (95 %%: %.3f to %.3f)\n", c.Judged.Mean, c.Judged.Low, c.Judged.High)
	}
	return t.Flush()
}

// isWord reports whether a word has letters only, hyphens and apostrophes
// aside.
func isWord(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' && r != '’' })
}

// lower returns a surface in lower case, with single spaces.
func lower(surface string) string { return strings.ToLower(strings.Join(strings.Fields(surface), " ")) }
