package plugin

import (
	"fmt"
	"slices"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2/search"
)

// A Document is a document of a Snapshot. After the Snapshot's Close, its
// methods return ErrClosed. A document without a Field, or in a damaged
// section, has empty codes and no vectors.
type Document struct {
	snapshot *Snapshot
	part     *part
	number   int // in the part
}

// read calls f with the document's section, nil for none.
func (d *Document) read(f func(*featureindex.Section) error) error {
	if err := d.snapshot.read(); err != nil {
		return err
	}
	defer d.snapshot.mu.RUnlock()
	return f(d.part.codes.section())
}

// Code returns the document's code in a view, "" for the union.
func (d *Document) Code(view string) (code featureindex.Code, err error) {
	err = d.read(func(s *featureindex.Section) error {
		if s == nil {
			return nil
		}
		v, err := findView(d.part.codes.names, view)
		if err == nil {
			code = s.Code(v, d.number)
		}
		return err
	})
	return code, err
}

// Embedding returns a copy of the document's embedding z, or nil.
func (d *Document) Embedding() (z []float32, err error) {
	err = d.read(func(s *featureindex.Section) error {
		if s != nil {
			z = slices.Clone(s.Vector(featureindex.Embedding, d.number))
		}
		return nil
	})
	return z, err
}

// Sum returns a copy of the sum u of the document's views, or nil.
func (d *Document) Sum() (u []float32, err error) {
	err = d.read(func(s *featureindex.Section) error {
		if s != nil {
			u = slices.Clone(s.Vector(featureindex.Sum, d.number))
		}
		return nil
	})
	return u, err
}

// A Shared feature is one that a document and a query have in common, in one
// view of the document.
type Shared struct {
	View       string
	Feature    uint32
	Weight     float32 // the query's
	Activation float32 // the document's
}

// Value returns Weight·Activation, its part of a Dot's score.
func (s Shared) Value() float64 { return float64(s.Weight) * float64(s.Activation) }

// Shared returns the features that the document shares with terms, view by view
// and in ascending order: their values add up to the score of the Dot with the
// same view and terms.
func (d *Document) Shared(view string, t featureindex.Terms) (shared []Shared, err error) {
	if err := checkTerms(t); err != nil {
		return nil, err
	}
	err = d.read(func(s *featureindex.Section) error {
		if s == nil {
			return nil
		}
		names := d.part.codes.names
		v, err := findView(names, view)
		if err != nil {
			return err
		}
		var room few
		found := products(room[:0], s, len(names), v, sortedTerms(t), d.number)
		shared = make([]Shared, len(found))
		for i, p := range found {
			shared[i] = Shared{names[p.view], p.feature, p.weight, p.activation}
		}
		return nil
	})
	return shared, err
}

// Explain explains the document's score under a query: the parts add up to it.
// K, Min and Filter of the query are not looked at: a document that the query
// does not find is explained like any other.
func (d *Document) Explain(q Scoring) (e *search.Explanation, err error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	err = d.read(func(s *featureindex.Section) error {
		if s == nil {
			e = &search.Explanation{Message: "document without codes"}
			return nil
		}
		plan, err := q.plan(s, d.part.codes.names)
		if err != nil {
			return fmt.Errorf("explain: %w", err)
		}
		p := &planned{part: *d.part, section: s, plan: plan}
		factor := q.selection().factor()
		e = explainHit(p, uint32(d.number), plan.score(s, d.number)*factor, factor)
		return nil
	})
	return e, err
}
