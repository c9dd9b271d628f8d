package index

import (
	"time"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/model"
)

// An Answer is what a search found.
type Answer struct {
	// Request is the request with its defaults filled in: what was done.
	Request Request `json:"request"`
	// Model is the fingerprint of the feature model.
	Model string `json:"model"`
	// Matched is the number of documents that match; Exact says whether it is
	// counted or a lower bound.
	Matched int  `json:"matched"`
	Exact   bool `json:"exact"`

	Hits   []Hit         `json:"hits"`
	Facets []Facet       `json:"facets,omitempty"`
	Took   time.Duration `json:"took_ns"`
}

// A Hit is one document found.
type Hit struct {
	ID    string  `json:"id"`
	Rank  int     `json:"rank"` // from 1
	Score float64 `json:"score"`
	Parts Parts   `json:"parts"`
	// Title, Text and Fields are the document's own.
	Title  string         `json:"title,omitempty"`
	Text   string         `json:"text"`
	Fields map[string]any `json:"fields,omitempty"`

	// Shared are the shared features per view, at explanation level ids.
	Shared map[model.View][]SharedFeature `json:"shared_features,omitempty"`
	// Views explain the vector score, at level full: the leaves of each view
	// sum to its score, the views' scores to Parts.Vector before steering.
	Views []explain.View `json:"views,omitempty"`
	// ShareExplained is the part of the unsteered vector score that shared
	// features add, at level full.
	ShareExplained *float64 `json:"share_explained,omitempty"`
}

// Parts are the parts of a hit's score. What a mode does not use is absent.
type Parts struct {
	BM25     *float64 `json:"bm25,omitempty"`
	Vector   *float64 `json:"vector,omitempty"`   // s(q,d), without Steering
	Codes    *float64 `json:"codes,omitempty"`    // inner product of the codes, without Steering
	Steering *float64 `json:"steering,omitempty"` // what the toggles add
	Overlap  *int     `json:"overlap,omitempty"`  // number of shared features
	// BM25Rank and VectorRank are the ranks that were fused, from 1.
	BM25Rank   int `json:"bm25_rank,omitempty"`
	VectorRank int `json:"vector_rank,omitempty"`
}

// A SharedFeature is a feature that supports both query and view.
type SharedFeature struct {
	Feature         uint32  `json:"feature"`
	Label           string  `json:"label,omitempty"`
	Activation      float32 `json:"activation"`
	QueryActivation float32 `json:"query_activation"`
	// Contribution is the activation times ⟨q,w_j⟩.
	Contribution float64 `json:"contribution"`
}

// A Facet counts values among documents.
type Facet struct {
	Name string `json:"name"`
	// CountedOver says which documents were counted: "matched" or "top N".
	CountedOver string `json:"counted_over"`
	Documents   int    `json:"documents"` // how many were counted over
	Exact       bool   `json:"exact"`     // whether the counts are
	TotalValues int    `json:"total_values"`
	// Other is the sum of the counts of the values not listed.
	Other  int          `json:"other"`
	Values []FacetValue `json:"values"` // by falling count, then by feature or value
}

// A FacetValue is one value and its count.
type FacetValue struct {
	Feature *uint32 `json:"feature,omitempty"` // of a feature facet
	Label   string  `json:"label,omitempty"`
	Value   string  `json:"value,omitempty"` // of a field facet
	Count   int     `json:"count"`
	// Selected tells that the request requires or excludes the feature: such
	// values are always listed.
	Selected bool `json:"selected,omitempty"`
}
