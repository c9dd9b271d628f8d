package index

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestSettleFillsDefaults(t *testing.T) {
	r, err := ParseRequest([]byte(`{"text": "ice", "facets": [{"name": "f"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.settle(100, 3)
	if err != nil {
		t.Fatal(err)
	}
	one, ten := 1., 10
	want := Request{Text: "ice", Mode: Hybrid, Scope: AllViews, Explain: ExplainIDs, Size: &ten,
		Fusion: Fusion{"rrf", &one, &one, 60, 1000}, Facets: []FacetRequest{{Name: "f", Size: 10}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("settled to %+v", got)
	}
	if r.Facets[0].Size != 0 {
		t.Error("the request itself was changed")
	}
	got, err = Request{Vector: []float32{1, 2, 3}}.settle(100, 3)
	if err != nil || got.Mode != Vector {
		t.Errorf("mode %s, %v", got.Mode, err)
	}
}

func TestRequestErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                          "neither text nor vector",
		`{"txt": "ice"}`:                              `unknown field "txt"`,
		`{"text": "ice"} {}`:                          "more text after the object",
		`{"text": 5}`:                                 "cannot unmarshal number",
		`{"text": "a", "mode": "x"}`:                  `mode "x" is not known`,
		`{"vector": [1,2,3], "mode": "bm25"}`:         "mode bm25 needs a text",
		`{"vector": [1,2]}`:                           "the vector has 2 numbers, the model takes 3",
		`{"text": "a", "scope": "x"}`:                 `scope "x" is not known`,
		`{"text": "a", "explain": "x"}`:               `explain "x" is not known`,
		`{"text": "a", "size": -1}`:                   "size -1: must be 0 to 10000",
		`{"text": "a", "offset": -1}`:                 "offset -1",
		`{"text": "a", "activation_threshold": -0.5}`: "activation_threshold -0.5",
		`{"text": "a", "toggles": [{"feature": 100, "action": "boost"}]}`:                                    "toggles: feature 100: the model has features 0 to 99",
		`{"text": "a", "toggles": [{"feature": 1, "action": "up"}]}`:                                         `toggles: feature 1: action "up" is not known`,
		`{"text": "a", "toggles": [{"feature": 1, "action": "boost", "alpha": 1}]}`:                          "boost needs an alpha above 1, not 1",
		`{"text": "a", "toggles": [{"feature": 1, "action": "dampen", "alpha": 1}]}`:                         "dampen needs an alpha of at least 0 and below 1",
		`{"text": "a", "toggles": [{"feature": 1, "action": "require", "alpha": 1}]}`:                        "require takes no alpha",
		`{"text": "a", "toggles": [{"feature": 1, "action": "boost"}, {"feature": 1, "action": "exclude"}]}`: "feature 1 is there twice",
		`{"text": "a", "mode": "bm25", "toggles": [{"feature": 1, "action": "boost"}]}`:                      "mode bm25 has no parts to boost or dampen",
		`{"text": "a", "filter": {"all": [100]}}`:                                                            "filter: feature 100",
		`{"text": "a", "filter": {"view": "x"}}`:                                                             `view "x" is not known`,
		`{"text": "a", "fusion": {"method": "x"}}`:                                                           `fusion: method "x" is not known`,
		`{"text": "a", "fusion": {"text": -1}}`:                                                              "fusion: weights must be 0 or more",
		`{"text": "a", "fusion": {"window": -1}}`:                                                            "fusion: rank_k must be",
		`{"text": "a", "facets": [{}]}`:                                                                      "facets: facet 0 has no name",
		`{"text": "a", "facets": [{"name": "f"}, {"name": "f"}]}`:                                            `facets: two named "f"`,
		`{"text": "a", "facets": [{"name": "f", "size": -1}]}`:                                               "facets: f: size -1",
		`{"text": "a", "facets": [{"name": "f", "view": "x"}]}`:                                              `facets: f: view "x" is not known`,
		`{"text": "a", "facets": [{"name": "f", "view": "qa", "field": "y"}]}`:                               "facets: f: either a field or a view",
	} {
		r, err := ParseRequest([]byte(text))
		if err == nil {
			_, err = r.settle(100, 3)
		}
		if !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestToggleFactor(t *testing.T) {
	half := 0.5
	for want, toggle := range map[float64]Toggle{
		2: {Action: Boost}, 0: {Action: Dampen}, 1: {Action: Neutral}, .5: {Action: Dampen, Alpha: &half}} {
		if got := toggle.factor(); got != want {
			t.Errorf("%+v: factor %v, want %v", toggle, got, want)
		}
	}
	nan := math.NaN()
	if err := (Toggle{Action: Dampen, Alpha: &nan}).check(1); err == nil {
		t.Error("alpha NaN is taken")
	}
}
