package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/steersight/steersight/internal/pyjson"
	"github.com/steersight/steersight/model"
)

// Format is a form of explanation.
type Format string

const (
	// Reference is what the Xetrieval release writes, byte for byte: the ids,
	// the shared features in all and per view, and the labels of the shared
	// features where there are labels.
	Reference Format = "reference"
	// Full is a Document: every leaf, so that the explanation adds up.
	Full Format = "full"
	// Text is for people: the score by view, and the shared features that add
	// most to it.
	Text Format = "text"
)

// Formats are all formats.
var Formats = []Format{Reference, Full, Text}

// Schema names the version of Document. It changes when a field changes its
// meaning or goes; new fields do not change it.
const Schema = "steersight.explanation/1"

// A Document is a full explanation of one pair, one JSON line.
type Document struct {
	Schema  string          `json:"schema"`
	Model   string          `json:"model"` // the model's fingerprint
	QueryID json.RawMessage `json:"query_id"`
	DocID   json.RawMessage `json:"doc_id"`
	// Threshold is τ.
	Threshold float32 `json:"activation_threshold"`
	// Score is the sum of the views' scores, s(q,d).
	Score float64 `json:"score"`
	// SharedContribution is the part of the score that shared features add.
	SharedContribution float64  `json:"shared_contribution"`
	SharedFeatures     []uint32 `json:"shared_features"`
	Views              []View   `json:"views"`
}

// appendReference appends the pair's line in the Reference format.
func (x *Explainer) appendReference(dst []byte, pair Pair, c codes) ([]byte, error) {
	perView := x.overlaps(c)
	shared := union(perView)
	dst = append(dst, `{"query_id": `...)
	dst, err := pair.QueryID.Append(dst)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `, "doc_id": `...)
	if dst, err = pair.DocID.Append(dst); err != nil {
		return dst, err
	}
	dst = append(dst, `, "shared_features": `...)
	dst = appendList(dst, shared)
	dst = append(dst, `, "per_view_shared_features": {`...)
	for t, name := range model.Views() {
		if t > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(pyjson.AppendString(dst, string(name)), ": "...)
		dst = appendList(dst, perView[t])
	}
	dst = append(dst, '}')
	if x.options.Labels != nil {
		dst = x.appendLabels(dst, shared)
	}
	return append(dst, "}\n"...), nil
}

func (x *Explainer) overlaps(c codes) (perView [model.NumViews][]uint32) {
	for t := range perView {
		perView[t] = Overlap(c.query, c.views[t], x.options.Threshold)
	}
	return perView
}

func (x *Explainer) appendLabels(dst []byte, features []uint32) []byte {
	dst = append(dst, `, "feature_explanations": [`...)
	for i, j := range features {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, `{"feature_id": `...)
		dst = strconv.AppendUint(dst, uint64(j), 10)
		dst = append(dst, `, "hypothesis": `...)
		dst = append(pyjson.AppendString(dst, x.options.Labels.Of(int(j))), '}')
	}
	return append(dst, ']')
}

func appendList(dst []byte, features []uint32) []byte {
	dst = append(dst, '[')
	for i, j := range features {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = strconv.AppendUint(dst, uint64(j), 10)
	}
	return append(dst, ']')
}

// appendFull appends the pair's line in the Full format.
func (x *Explainer) appendFull(dst []byte, pair Pair, v vectors, c codes) ([]byte, error) {
	document := x.document(v, c)
	var err error
	if document.QueryID, err = standardJSON("query_id", pair.QueryID); err != nil {
		return dst, err
	}
	if document.DocID, err = standardJSON("doc_id", pair.DocID); err != nil {
		return dst, err
	}
	buffer := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(document)
	return buffer.Bytes(), err
}

// document returns the pair's Document without its ids.
func (x *Explainer) document(v vectors, c codes) Document {
	document := Document{
		Schema: Schema, Model: x.options.Fingerprint, Threshold: x.options.Threshold,
		SharedFeatures: union(x.overlaps(c)), Views: make([]View, model.NumViews),
	}
	for t, name := range model.Views() {
		view := x.View(name, v.query, v.views[t], c.query, c.views[t])
		document.Views[t] = view
		document.Score += view.Score
		document.SharedContribution += view.SharedContribution
	}
	return document
}

// standardJSON returns an id for a Document, where NaN has no place.
func standardJSON(field string, id pyjson.Value) (json.RawMessage, error) {
	if !id.Finite() {
		return nil, fmt.Errorf("field %q holds NaN or an infinity, which the full format cannot: give the pair another id", field)
	}
	return id.Append(nil)
}
