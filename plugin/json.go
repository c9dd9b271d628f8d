package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2/search/query"
)

// Queries are written as Bleve's custom queries, which is where it lets others
// in:
//
//	{"custom_score": {"dot": {"view": "qa", "features": [431], "weights": [0.5], "k": 10}}}
//	{"custom_filter": {"any": {"features": [12, 99]}}}
const (
	scoreHook  = "custom_score"
	filterHook = "custom_filter"
)

// kinds are the queries of each hook.
var kinds = map[string]map[string]func() parsable{
	scoreHook: {
		"dot":     func() parsable { return new(Dot) },
		"overlap": func() parsable { return new(Overlap) },
		"knn":     func() parsable { return new(KNN) },
		"steer":   func() parsable { return new(Steer) },
	},
	filterHook: {
		"all": func() parsable { return new(All) },
		"any": func() parsable { return new(Any) },
		"not": func() parsable { return new(Not) },
	},
}

// A parsable query reads itself from JSON.
type parsable interface {
	query.ValidatableQuery
	parse(b []byte) error
}

func init() {
	query.CustomScoreQueryParser = hooked(scoreHook, query.CustomScoreQueryParser)
	query.CustomFilterQueryParser = hooked(filterHook, query.CustomFilterQueryParser)
}

// hooked returns a parser that knows this package's queries and leaves all
// others to the parser that was there before.
func hooked(hook string, next func([]byte) (query.Query, error)) func([]byte) (query.Query, error) {
	return func(b []byte) (query.Query, error) {
		q, body := kindOf(hook, b)
		switch {
		case q != nil:
			if err := q.parse(body); err != nil {
				return nil, err
			}
			return q, q.Validate()
		case next != nil:
			return next(b)
		}
		return nil, fmt.Errorf("%w: unknown %s", ErrQuery, hook)
	}
}

// kindOf returns an empty query of the kind that b names, and its body.
func kindOf(hook string, b []byte) (parsable, []byte) {
	var outer, inner map[string]json.RawMessage
	if json.Unmarshal(b, &outer) != nil || len(outer) != 1 || json.Unmarshal(outer[hook], &inner) != nil || len(inner) != 1 {
		return nil, nil
	}
	for kind, body := range inner {
		if make, ok := kinds[hook][kind]; ok {
			return make(), body
		}
	}
	return nil, nil
}

// wrapped returns the JSON of a query of a kind.
func wrapped(hook, kind string, body any) ([]byte, error) {
	return json.Marshal(map[string]map[string]any{hook: {kind: body}})
}

// strictly decodes JSON in which nothing may be unknown.
func strictly(b []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrQuery, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%w: more after its end", ErrQuery)
	}
	return nil
}

// unwrapped reads q from JSON as wrapped writes it.
func unwrapped(hook, kind string, b []byte, q parsable) error {
	var outer map[string]map[string]json.RawMessage
	if err := strictly(b, &outer); err != nil {
		return err
	}
	body, ok := outer[hook][kind]
	if !ok || len(outer) != 1 || len(outer[hook]) != 1 {
		return fmt.Errorf("%w: want {%q: {%q: …}}", ErrQuery, hook, kind)
	}
	return q.parse(body)
}

// queryJSON is the body of a query; a kind uses some of it.
type queryJSON struct {
	Base     query.Query `json:"base,omitempty"`
	View     string      `json:"view,omitempty"`
	Column   string      `json:"column,omitempty"`
	Features []uint32    `json:"features,omitempty"`
	Weights  []float32   `json:"weights,omitempty"`
	Vector   []float32   `json:"vector,omitempty"`
	Min      int         `json:"min,omitempty"`
	K        int         `json:"k,omitempty"`
	Filter   query.Query `json:"filter,omitempty"`
	Boost    float64     `json:"boost,omitempty"`
}

// A rawQuery is a query within a query.
type rawQuery struct{ json.RawMessage }

// parsed returns the query, nil for none.
func (r *rawQuery) parsed() (query.Query, error) {
	if len(r.RawMessage) == 0 || string(r.RawMessage) == "null" {
		return nil, nil
	}
	q, err := query.ParseQuery(r.RawMessage)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuery, err)
	}
	return q, nil
}

// limitsJSON are the fields that all scoring queries have.
type limitsJSON struct {
	K      int      `json:"k"`
	Filter rawQuery `json:"filter"`
	Boost  float64  `json:"boost"`
}

// termsJSON are features of a view.
type termsJSON struct {
	View     string    `json:"view"`
	Features []uint32  `json:"features"`
	Weights  []float32 `json:"weights"`
}

// MarshalJSON writes the query as Bleve's ParseQuery reads it.
func (q *Dot) MarshalJSON() ([]byte, error) {
	return wrapped(scoreHook, "dot", queryJSON{View: q.View, Features: q.Terms.Features, Weights: q.Terms.Weights,
		K: q.K, Filter: q.Filter, Boost: q.Boosted})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (q *Dot) UnmarshalJSON(b []byte) error { return unwrapped(scoreHook, "dot", b, q) }

func (q *Dot) parse(b []byte) (err error) {
	var j struct {
		termsJSON
		limitsJSON
	}
	if err := strictly(b, &j); err != nil {
		return err
	}
	*q = Dot{View: j.View, Terms: featureindex.Terms{Features: j.Features, Weights: j.Weights}, K: j.K, Boosted: j.Boost}
	q.Filter, err = j.Filter.parsed()
	return err
}

// MarshalJSON writes the query as Bleve's ParseQuery reads it.
func (q *Overlap) MarshalJSON() ([]byte, error) {
	return wrapped(scoreHook, "overlap", queryJSON{View: q.View, Features: q.Features, Min: q.Min,
		K: q.K, Filter: q.Filter, Boost: q.Boosted})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (q *Overlap) UnmarshalJSON(b []byte) error { return unwrapped(scoreHook, "overlap", b, q) }

func (q *Overlap) parse(b []byte) (err error) {
	var j struct {
		View     string   `json:"view"`
		Features []uint32 `json:"features"`
		Min      int      `json:"min"`
		limitsJSON
	}
	if err := strictly(b, &j); err != nil {
		return err
	}
	*q = Overlap{View: j.View, Features: j.Features, Min: j.Min, K: j.K, Boosted: j.Boost}
	q.Filter, err = j.Filter.parsed()
	return err
}

// MarshalJSON writes the query as Bleve's ParseQuery reads it.
func (q *KNN) MarshalJSON() ([]byte, error) {
	return wrapped(scoreHook, "knn", queryJSON{Column: q.Column, Vector: q.Vector, K: q.K, Filter: q.Filter, Boost: q.Boosted})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (q *KNN) UnmarshalJSON(b []byte) error { return unwrapped(scoreHook, "knn", b, q) }

func (q *KNN) parse(b []byte) (err error) {
	var j struct {
		Column string    `json:"column"`
		Vector []float32 `json:"vector"`
		limitsJSON
	}
	if err := strictly(b, &j); err != nil {
		return err
	}
	*q = KNN{Column: j.Column, Vector: j.Vector, K: j.K, Boosted: j.Boost}
	q.Filter, err = j.Filter.parsed()
	return err
}

// MarshalJSON writes the query as Bleve's ParseQuery reads it.
func (q *Steer) MarshalJSON() ([]byte, error) {
	return wrapped(scoreHook, "steer", queryJSON{Base: q.Base, View: q.View, Features: q.Terms.Features, Weights: q.Terms.Weights,
		K: q.K, Filter: q.Filter, Boost: q.Boosted})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (q *Steer) UnmarshalJSON(b []byte) error { return unwrapped(scoreHook, "steer", b, q) }

func (q *Steer) parse(b []byte) error {
	var j struct {
		Base rawQuery `json:"base"`
		termsJSON
		limitsJSON
	}
	if err := strictly(b, &j); err != nil {
		return err
	}
	base, err := j.Base.parsed()
	if err != nil {
		return err
	}
	scoring, ok := base.(Scoring)
	if !ok {
		return fmt.Errorf("%w: cannot steer a %T", ErrQuery, base)
	}
	*q = Steer{Base: scoring, View: j.View, Terms: featureindex.Terms{Features: j.Features, Weights: j.Weights}, K: j.K, Boosted: j.Boost}
	q.Filter, err = j.Filter.parsed()
	return err
}

// filterJSON is the body of a filter.
type filterJSON struct {
	View     string   `json:"view,omitempty"`
	Features []uint32 `json:"features"`
}

// MarshalJSON writes the query as Bleve's ParseQuery reads it.
func (q *All) MarshalJSON() ([]byte, error) { return wrapped(filterHook, "all", filterJSON(*q)) }

// MarshalJSON writes the query as Bleve's ParseQuery reads it.
func (q *Any) MarshalJSON() ([]byte, error) { return wrapped(filterHook, "any", filterJSON(*q)) }

// MarshalJSON writes the query as Bleve's ParseQuery reads it.
func (q *Not) MarshalJSON() ([]byte, error) { return wrapped(filterHook, "not", filterJSON(*q)) }

// UnmarshalJSON reads what MarshalJSON writes.
func (q *All) UnmarshalJSON(b []byte) error { return unwrapped(filterHook, "all", b, q) }

// UnmarshalJSON reads what MarshalJSON writes.
func (q *Any) UnmarshalJSON(b []byte) error { return unwrapped(filterHook, "any", b, q) }

// UnmarshalJSON reads what MarshalJSON writes.
func (q *Not) UnmarshalJSON(b []byte) error { return unwrapped(filterHook, "not", b, q) }

func (q *All) parse(b []byte) error { return parseFilter(b, (*filterJSON)(q)) }
func (q *Any) parse(b []byte) error { return parseFilter(b, (*filterJSON)(q)) }
func (q *Not) parse(b []byte) error { return parseFilter(b, (*filterJSON)(q)) }

// parseFilter reads a filter into the query whose fields it has.
func parseFilter(b []byte, q *filterJSON) error {
	var j filterJSON
	if err := strictly(b, &j); err != nil {
		return err
	}
	*q = j
	return nil
}
