package study

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"

	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/plugin"
)

// texts are documents of an index with what labels are made of.
type texts struct {
	terms   *terms
	rows    []document
	byTerm  []int           // documents that have the term
	feature [][]activeInRow // by feature: the documents that have it, the most active first
	words   int             // of a document's text that are kept
}

// A document is its distinct terms, its embedding and the beginning of its text.
type document struct {
	terms     []uint32
	embedding []float32
	text      string
}

// An activeInRow is a feature's activation in a document, summed over the views.
type activeInRow struct {
	row        int
	activation float32
}

// readTexts reads the documents of an index, or a sample of at most so many, and
// keeps so many words of each.
func readTexts(ctx context.Context, ix *index.Index, features, most, words int, seed uint64) (t *texts, err error) {
	count, err := ix.Count()
	if err != nil {
		return nil, err
	}
	wanted := sample(int(count), most, seed)
	analyzer := ix.Bleve().Mapping().AnalyzerNamed(en.AnalyzerName)
	if analyzer == nil {
		return nil, errors.New("the index has no analyzer of english text")
	}
	codes, err := plugin.Acquire(ix.Bleve())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, codes.Close()) }()
	t = &texts{terms: newTerms(analyzer), feature: make([][]activeInRow, features), words: words}
	number := -1
	err = ix.Documents(ctx, "", func(d index.Document) error {
		if number++; wanted != nil && (number >= len(wanted) || !wanted[number]) {
			return nil
		}
		return t.add(d, codes)
	})
	if err != nil {
		return nil, err
	}
	for j := range t.feature {
		slices.SortStableFunc(t.feature[j], func(a, b activeInRow) int {
			switch {
			case a.activation > b.activation:
				return -1
			case a.activation < b.activation:
				return 1
			}
			return 0
		})
	}
	return t, nil
}

// sample marks most of n numbers; nil where all are wanted.
func sample(n, most int, seed uint64) []bool {
	if n <= most {
		return nil
	}
	wanted := make([]bool, n)
	for _, i := range rand.New(rand.NewPCG(seed, 1)).Perm(n)[:most] {
		wanted[i] = true
	}
	return wanted
}

// add takes in a document.
func (t *texts) add(d index.Document, codes *plugin.Snapshot) error {
	coded, err := codes.Named(d.ID)
	if err != nil || coded == nil {
		return err
	}
	code, err := coded.Code("")
	if err != nil {
		return err
	}
	number := len(t.rows)
	for i, j := range code.Features {
		if int(j) >= len(t.feature) {
			return fmt.Errorf("document %q has feature %d of %d", d.ID, j, len(t.feature))
		}
		t.feature[j] = append(t.feature[j], activeInRow{number, code.Activations[i]})
	}
	found := t.terms.of(d.Title + "\n" + d.Text)
	for len(t.byTerm) < len(t.terms.stems) {
		t.byTerm = append(t.byTerm, 0)
	}
	for _, term := range found {
		t.byTerm[term]++
	}
	row := document{terms: found, embedding: d.Embedding}
	if t.words > 0 {
		row.text = strings.Clone(NewPassage(d.ID, d.Title, d.Text, t.words).Text)
	}
	t.rows = append(t.rows, row)
	return nil
}

// terms number words and pairs of neighbouring words by their stems.
type terms struct {
	analyzer analysis.Analyzer
	numbers  map[string]uint32
	stems    [][]string       // of each term, one or two
	surfaces []map[string]int // how often each was written how
}

func newTerms(analyzer analysis.Analyzer) *terms {
	return &terms{analyzer: analyzer, numbers: map[string]uint32{}}
}

// of returns the distinct terms of a text, ascending.
func (t *terms) of(text string) []uint32 {
	var found []uint32
	var last *analysis.Token
	for _, token := range t.analyzer.Analyze([]byte(text)) {
		word := text[token.Start:token.End]
		if len(token.Term) < 3 || !isWord(word) {
			last = nil
			continue
		}
		found = append(found, t.number(word, string(token.Term)))
		if last != nil && token.Position == last.Position+1 {
			found = append(found, t.number(text[last.Start:token.End], string(last.Term), string(token.Term)))
		}
		last = token
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// number returns the number of the term with these stems.
func (t *terms) number(surface string, stems ...string) uint32 {
	key := stems[0]
	if len(stems) > 1 {
		key += " " + stems[1]
	}
	n, ok := t.numbers[key]
	if !ok {
		n = uint32(len(t.stems))
		t.numbers[key] = n
		t.stems, t.surfaces = append(t.stems, stems), append(t.surfaces, map[string]int{})
	}
	t.surfaces[n][lower(surface)]++
	return n
}

// surface returns how a term is written most often.
func (t *terms) surface(term uint32) string {
	best := ""
	for word, n := range t.surfaces[term] {
		if most := t.surfaces[term][best]; n > most || n == most && word < best {
			best = word
		}
	}
	return best
}
