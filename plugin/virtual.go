package plugin

import (
	"strconv"

	"github.com/steersight/steersight/featureindex"

	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// A virtual segment answers what Bleve asks zap about the views' fields from
// the section instead: dictionaries, postings and doc values. All other fields
// are zap's.
type virtual struct {
	codes *features
	zap   *zap.SegmentBase
}

func (v *virtual) features() *features { return v.codes }

// view returns the view behind a field's name.
func (v *virtual) view(field string) (*featureindex.Section, featureindex.View, bool) {
	if v.codes.opened == nil {
		return nil, 0, false
	}
	view, ok := viewNamed(v.codes.names, field)
	if !ok {
		return nil, 0, false
	}
	section := v.codes.section()
	return section, view, section != nil
}

// viewNamed returns the view with a name; "" and UnionField are the union.
func viewNamed(views []string, name string) (featureindex.View, bool) {
	if name == UnionField || name == "" {
		return featureindex.Union, true
	}
	for i, view := range views {
		if view == name {
			return featureindex.View(i), true
		}
	}
	return 0, false
}

// Fields returns the names of zap's fields and of the views.
func (v *virtual) Fields() []string {
	fields := v.zap.Fields()
	if len(v.codes.names) == 0 {
		return fields
	}
	return union(fields, append([]string{UnionField}, v.codes.names...))
}

// union returns a, in its order, and what b adds.
func union(a, b []string) []string {
	seen := make(map[string]bool, len(a))
	all := make([]string, 0, len(a)+len(b))
	for _, names := range [][]string{a, b} {
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}

// Dictionary returns the terms of a field; a view's are its features' numbers.
func (v *virtual) Dictionary(field string) (segment.TermDictionary, error) {
	if field != "" {
		if section, view, ok := v.view(field); ok {
			return &dictionary{section: section, view: view}, nil
		}
	}
	return v.zap.Dictionary(field)
}

// VisitableDocValueFields returns the fields with doc values, views included.
func (v *virtual) VisitableDocValueFields() ([]string, error) {
	fields, err := v.zap.VisitableDocValueFields()
	if err != nil || len(v.codes.names) == 0 {
		return fields, err
	}
	return union(fields, append([]string{UnionField}, v.codes.names...)), nil
}

// VisitDocValues calls visitor with the terms of a document's fields.
func (v *virtual) VisitDocValues(doc uint64, fields []string, visitor index.DocValueVisitor,
	state segment.DocVisitState) (segment.DocVisitState, error) {
	var rest []string
	for _, field := range fields {
		section, view, ok := v.view(field)
		if !ok || field == "" {
			rest = append(rest, field)
			continue
		}
		var digits [20]byte
		for _, feature := range section.Code(view, int(doc)).Features {
			visitor(field, strconv.AppendUint(digits[:0], uint64(feature), 10))
		}
	}
	if len(rest) == 0 {
		return state, nil
	}
	return v.zap.VisitDocValues(doc, rest, visitor, state)
}
