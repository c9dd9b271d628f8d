package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/steersight/steersight/model"
)

// Mode says what ranks the hits.
type Mode string

const (
	// BM25 ranks by the words of the query.
	BM25 Mode = "bm25"
	// Vector ranks by s(q,d): the inner product of the query's embedding with
	// the document's views, summed (the paper's equation 11), or with its
	// embedding alone.
	Vector Mode = "vector"
	// Codes ranks by the inner product of the sparse codes.
	Codes Mode = "codes"
	// Overlap ranks by the number of shared features.
	Overlap Mode = "overlap"
	// Hybrid fuses BM25 and Vector.
	Hybrid Mode = "hybrid"
)

var modes = []Mode{BM25, Vector, Codes, Overlap, Hybrid}

// Scope says which vectors of a document count.
type Scope string

const (
	// AllViews counts the document's embedding and its three views.
	AllViews Scope = "views"
	// OriginalOnly counts its embedding alone.
	OriginalOnly Scope = "original"
)

// Action is what a Toggle does with a feature.
type Action string

const (
	// Require keeps only documents with the feature.
	Require Action = "require"
	// Boost makes the feature count more: Alpha > 1, by default 2.
	Boost Action = "boost"
	// Neutral changes nothing, exactly.
	Neutral Action = "neutral"
	// Dampen makes the feature count less: 0 ≤ Alpha < 1, by default 0.
	Dampen Action = "dampen"
	// Exclude drops documents with the feature.
	Exclude Action = "exclude"
)

// A Toggle turns one feature up, down or off.
type Toggle struct {
	Feature uint32   `json:"feature"`
	Action  Action   `json:"action"`
	Alpha   *float64 `json:"alpha,omitempty"`
}

// factor is the feature's factor α: the part of the score that the feature
// makes is multiplied by it.
func (t Toggle) factor() float64 {
	switch {
	case t.Alpha != nil:
		return *t.Alpha
	case t.Action == Boost:
		return 2
	case t.Action == Dampen:
		return 0
	}
	return 1
}

func (t Toggle) check(features int) error {
	if int(t.Feature) >= features {
		return fmt.Errorf("feature %d: the model has features 0 to %d", t.Feature, features-1)
	}
	alpha := t.factor()
	switch t.Action {
	case Require, Exclude, Neutral:
		if t.Alpha != nil {
			return fmt.Errorf("feature %d: %s takes no alpha", t.Feature, t.Action)
		}
	case Boost:
		if !(alpha > 1) || math.IsInf(alpha, 0) {
			return fmt.Errorf("feature %d: boost needs an alpha above 1, not %v", t.Feature, alpha)
		}
	case Dampen:
		if !(alpha >= 0 && alpha < 1) {
			return fmt.Errorf("feature %d: dampen needs an alpha of at least 0 and below 1, not %v", t.Feature, alpha)
		}
	default:
		return fmt.Errorf("feature %d: action %q is not known; use require, boost, neutral, dampen or exclude", t.Feature, t.Action)
	}
	return nil
}

// A Filter keeps documents. All that is given must hold.
type Filter struct {
	// Query is a query string in Bleve's syntax, over texts and fields.
	Query string `json:"query,omitempty"`
	// All, Any and Not are features that a document must have, have one of,
	// and must not have, in the view View (by default in any view).
	All  []uint32   `json:"all,omitempty"`
	Any  []uint32   `json:"any,omitempty"`
	Not  []uint32   `json:"not,omitempty"`
	View model.View `json:"view,omitempty"`
}

func (f Filter) check(features int) error {
	for _, j := range slices.Concat(f.All, f.Any, f.Not) {
		if int(j) >= features {
			return fmt.Errorf("filter: feature %d: the model has features 0 to %d", j, features-1)
		}
	}
	return checkView(f.View)
}

func checkView(view model.View) error {
	views := model.Views()
	if view != "" && !slices.Contains(views[:], view) {
		return fmt.Errorf("view %q is not known; use original, qa, summary or purpose", view)
	}
	return nil
}

// A FacetRequest asks for the most frequent values among the documents
// counted: features, or values of a field.
type FacetRequest struct {
	Name string `json:"name"`
	// Field counts a field's values; else features are counted, in the view
	// View (by default in any view).
	Field string     `json:"field,omitempty"`
	View  model.View `json:"view,omitempty"`
	Size  int        `json:"size,omitempty"` // values listed, by default 10
	// Top counts over the first Top hits instead of all matched documents.
	Top int `json:"top,omitempty"`
}

// Level is how much of an explanation each hit carries.
type Level string

const (
	ExplainNone Level = "none"
	ExplainIDs  Level = "ids"  // shared features per view
	ExplainFull Level = "full" // every leaf of the score
)

// Fusion is how Hybrid joins its two rankings.
type Fusion struct {
	Method string   `json:"method,omitempty"` // "rrf" (default) or "weighted"
	Text   *float64 `json:"text,omitempty"`   // weight of BM25, by default 1
	Vector *float64 `json:"vector,omitempty"` // weight of the vector ranking, by default 1
	RankK  int      `json:"rank_k,omitempty"` // of reciprocal rank fusion, by default 60
	Window int      `json:"window,omitempty"` // hits of each ranking that take part, by default 1000
}

// A Request is one search.
type Request struct {
	Text   string    `json:"text,omitempty"`
	Vector []float32 `json:"vector,omitempty"` // the query's embedding, instead of the encoder's
	Mode   Mode      `json:"mode,omitempty"`   // by default Hybrid with a text, Vector with a vector alone
	Scope  Scope     `json:"scope,omitempty"`  // by default AllViews

	// Threshold is τ: a greater activation supports.
	Threshold float32        `json:"activation_threshold,omitempty"`
	Toggles   []Toggle       `json:"toggles,omitempty"`
	Filter    Filter         `json:"filter,omitzero"`
	Facets    []FacetRequest `json:"facets,omitempty"`
	Explain   Level          `json:"explain,omitempty"` // by default ExplainIDs
	Fusion    Fusion         `json:"fusion,omitzero"`
	Size      *int           `json:"size,omitempty"` // hits, by default 10
	Offset    int            `json:"offset,omitempty"`
}

// Bounds of a Request.
const (
	maxSize   = 10_000    // hits of a page
	maxOffset = 1_000_000 // hits before it
)

// ErrRequest is what a request that makes no sense wraps.
var ErrRequest = errors.New("bad request")

// ParseRequest reads a Request from JSON. Unknown fields are errors.
func ParseRequest(text []byte) (Request, error) {
	var r Request
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return r, fmt.Errorf("%w: more text after the object", ErrRequest)
	}
	return r, nil
}

// settle returns the request with its defaults filled in, or what is wrong
// with it. The model has the given features and length of embedding.
func (r Request) settle(features, dim int) (Request, error) {
	if err := r.fill(); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if err := r.check(features, dim); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return r, nil
}

// fill puts in the defaults.
func (r *Request) fill() error {
	if r.Text == "" && r.Vector == nil {
		return errors.New("neither text nor vector")
	}
	if r.Mode == "" {
		r.Mode = Hybrid
		if r.Text == "" {
			r.Mode = Vector
		}
	}
	setDefault(&r.Scope, AllViews)
	setDefault(&r.Explain, ExplainIDs)
	setDefault(&r.Fusion.Method, "rrf")
	one, ten := 1., 10
	setDefault(&r.Fusion.Text, &one)
	setDefault(&r.Fusion.Vector, &one)
	setDefault(&r.Fusion.RankK, 60)
	setDefault(&r.Fusion.Window, 1000)
	setDefault(&r.Size, &ten)
	r.Facets = slices.Clone(r.Facets)
	for i := range r.Facets {
		setDefault(&r.Facets[i].Size, 10)
	}
	return nil
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

func (r *Request) check(features, dim int) error {
	switch {
	case !slices.Contains(modes, r.Mode):
		return fmt.Errorf("mode %q is not known; use bm25, vector, codes, overlap or hybrid", r.Mode)
	case (r.Mode == BM25 || r.Mode == Hybrid) && r.Text == "":
		return fmt.Errorf("mode %s needs a text", r.Mode)
	case r.Scope != AllViews && r.Scope != OriginalOnly:
		return fmt.Errorf("scope %q is not known; use views or original", r.Scope)
	case r.Explain != ExplainNone && r.Explain != ExplainIDs && r.Explain != ExplainFull:
		return fmt.Errorf("explain %q is not known; use none, ids or full", r.Explain)
	case !(r.Threshold >= 0):
		return fmt.Errorf("activation_threshold %v: must be 0 or more", r.Threshold)
	case *r.Size < 0 || *r.Size > maxSize:
		return fmt.Errorf("size %d: must be 0 to %d", *r.Size, maxSize)
	case r.Offset < 0 || r.Offset > maxOffset:
		return fmt.Errorf("offset %d: must be 0 to %d", r.Offset, maxOffset)
	case r.Vector != nil && len(r.Vector) != dim:
		return fmt.Errorf("the vector has %d numbers, the model takes %d", len(r.Vector), dim)
	}
	if err := r.checkToggles(features); err != nil {
		return err
	}
	if err := r.Filter.check(features); err != nil {
		return err
	}
	if err := r.Fusion.check(); err != nil {
		return err
	}
	return r.checkFacets()
}

func (r *Request) checkToggles(features int) error {
	seen := map[uint32]bool{}
	for _, t := range r.Toggles {
		if err := t.check(features); err != nil {
			return fmt.Errorf("toggles: %w", err)
		}
		if seen[t.Feature] {
			return fmt.Errorf("toggles: feature %d is there twice", t.Feature)
		}
		seen[t.Feature] = true
		if t.factor() != 1 && r.Mode != Vector && r.Mode != Hybrid && r.Mode != Codes {
			return fmt.Errorf("toggles: mode %s has no parts to boost or dampen; use vector, codes or hybrid", r.Mode)
		}
	}
	return nil
}

func (f Fusion) check() error {
	switch {
	case f.Method != "rrf" && f.Method != "weighted":
		return fmt.Errorf("fusion: method %q is not known; use rrf or weighted", f.Method)
	case !(*f.Text >= 0) || !(*f.Vector >= 0) || math.IsInf(*f.Text+*f.Vector, 0):
		return errors.New("fusion: weights must be 0 or more")
	case f.RankK < 1 || f.Window < 1 || f.Window > maxOffset:
		return fmt.Errorf("fusion: rank_k must be 1 or more, window 1 to %d", maxOffset)
	}
	return nil
}

func (r *Request) checkFacets() error {
	names := map[string]bool{}
	for i, f := range r.Facets {
		switch {
		case f.Name == "":
			return fmt.Errorf("facets: facet %d has no name", i)
		case names[f.Name]:
			return fmt.Errorf("facets: two named %q", f.Name)
		case f.Size < 1 || f.Size > maxSize:
			return fmt.Errorf("facets: %s: size %d: must be 1 to %d", f.Name, f.Size, maxSize)
		case f.Top < 0:
			return fmt.Errorf("facets: %s: top %d: must be 0 or more", f.Name, f.Top)
		case f.Field != "" && f.View != "":
			return fmt.Errorf("facets: %s: either a field or a view", f.Name)
		}
		if err := checkView(f.View); err != nil {
			return fmt.Errorf("facets: %s: %w", f.Name, err)
		}
		names[f.Name] = true
	}
	return nil
}
