package plugin

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// A dictionary is a view as a field of terms: its features that occur, in
// decimal, without leading zeros.
type dictionary struct {
	section *featureindex.Section
	view    featureindex.View
}

// feature returns the feature that a term names.
func (d *dictionary) feature(term []byte) (uint32, bool) {
	n, err := strconv.ParseUint(string(term), 10, 32)
	if err != nil || term[0] == '+' || term[0] == '0' && len(term) > 1 {
		return 0, false
	}
	return uint32(n), true
}

// documents returns the documents with a term, but for those excepted.
func (d *dictionary) documents(term []byte, except *roaring.Bitmap) *roaring.Bitmap {
	feature, ok := d.feature(term)
	if !ok {
		return roaring.New()
	}
	docs := d.section.Bitmap(d.view, feature)
	if except != nil {
		docs.AndNot(except)
	}
	return docs
}

// PostingsList returns the documents with a term.
func (d *dictionary) PostingsList(term []byte, except *roaring.Bitmap, _ segment.PostingsList) (segment.PostingsList, error) {
	return &postings{docs: d.documents(term, except)}, nil
}

// Contains tells whether a term occurs.
func (d *dictionary) Contains(term []byte) (bool, error) {
	feature, ok := d.feature(term)
	return ok && d.section.DocumentFrequency(d.view, feature) > 0, nil
}

// Cardinality returns the number of terms.
func (d *dictionary) Cardinality() (n int) {
	for range d.section.Features(d.view) {
		n++
	}
	return n
}

// AutomatonIterator returns the terms that an automaton accepts from start up
// to end, in the order of their bytes.
func (d *dictionary) AutomatonIterator(a segment.Automaton, start, end []byte) segment.DictionaryIterator {
	it := &dictionaryIterator{d: d}
	for feature := range d.section.Features(d.view) {
		term := strconv.AppendUint(nil, uint64(feature), 10)
		if bytes.Compare(term, start) >= 0 && (end == nil || bytes.Compare(term, end) < 0) && accepts(a, term) {
			it.terms = append(it.terms, term)
		}
	}
	slices.SortFunc(it.terms, bytes.Compare)
	return it
}

// accepts runs an automaton over a term; nil accepts all.
func accepts(a segment.Automaton, term []byte) bool {
	if a == nil {
		return true
	}
	state := a.Start()
	for _, b := range term {
		if state = a.Accept(state, b); !a.CanMatch(state) {
			return false
		}
	}
	return a.IsMatch(state)
}

// A dictionaryIterator yields terms with their document frequencies.
type dictionaryIterator struct {
	d     *dictionary
	terms [][]byte
	entry index.DictEntry
}

// Next returns the next term, in memory that the following call reuses, or nil.
func (it *dictionaryIterator) Next() (*index.DictEntry, error) {
	if len(it.terms) == 0 {
		return nil, nil
	}
	term := it.terms[0]
	it.terms = it.terms[1:]
	feature, _ := it.d.feature(term)
	it.entry = index.DictEntry{Term: string(term), Count: uint64(it.d.section.DocumentFrequency(it.d.view, feature))}
	return &it.entry, nil
}
