package plugin

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"
)

func TestQueriesAsJSON(t *testing.T) {
	terms := featureindex.Terms{Features: []uint32{7, 1}, Weights: []float32{.5, -2}}
	for _, c := range []struct {
		q    query.Query
		json string
	}{
		{&Dot{View: "qa", Terms: terms, K: 3, Boosted: 2}, `{"custom_score":{"dot":{"view":"qa","features":[7,1],"weights":[0.5,-2],"k":3,"boost":2}}}`},
		{&Dot{Terms: terms, Filter: &Any{Features: []uint32{1}}},
			`{"custom_score":{"dot":{"features":[7,1],"weights":[0.5,-2],"filter":{"custom_filter":{"any":{"features":[1]}}}}}}`},
		{&Overlap{Features: []uint32{1, 2}, Min: 2, K: 9}, `{"custom_score":{"overlap":{"features":[1,2],"min":2,"k":9}}}`},
		{&KNN{Column: "sum", Vector: []float32{1, .25}, K: 4}, `{"custom_score":{"knn":{"column":"sum","vector":[1,0.25],"k":4}}}`},
		{&Steer{Base: &KNN{Vector: []float32{1}}, Terms: terms, K: 5},
			`{"custom_score":{"steer":{"base":{"custom_score":{"knn":{"vector":[1]}}},"features":[7,1],"weights":[0.5,-2],"k":5}}}`},
		{&All{"qa", []uint32{1, 2}}, `{"custom_filter":{"all":{"view":"qa","features":[1,2]}}}`},
		{&Any{"", []uint32{1, 2}}, `{"custom_filter":{"any":{"features":[1,2]}}}`},
		{&Not{"", []uint32{3}}, `{"custom_filter":{"not":{"features":[3]}}}`},
	} {
		b, err := json.Marshal(c.q)
		if err != nil || string(b) != c.json {
			t.Errorf("%s (%v), want %s", b, err, c.json)
		}
		got, err := query.ParseQuery(b)
		if err != nil || !reflect.DeepEqual(got, c.q) {
			t.Errorf("%s reads as %#v: %v", b, got, err)
		}
		again := reflect.New(reflect.TypeOf(c.q).Elem())
		if err := json.Unmarshal(b, again.Interface()); err != nil || !reflect.DeepEqual(again.Interface(), c.q) {
			t.Errorf("%s unmarshals as %#v: %v", b, again.Interface(), err)
		}
	}
}

func TestQueriesAsJSONThatAreRefused(t *testing.T) {
	for _, s := range []string{
		`{"custom_score":{"dot":{"features":[1],"weights":[1],"colour":1}}}`,
		`{"custom_score":{"dot":{"features":[1],"weights":[1,2]}}}`,
		`{"custom_score":{"dot":{"features":[1,1],"weights":[1,2]}}}`,
		`{"custom_score":{"dot":{"features":[-1],"weights":[1]}}}`,
		`{"custom_score":{"dot":{"features":[1],"weights":[1e99]}}}`,
		`{"custom_score":{"dot":{"features":[1],"weights":[1],"k":-1}}}`,
		`{"custom_score":{"dot":{"features":[1],"weights":[1],"boost":-1}}}`,
		`{"custom_score":{"dot":{"features":[1],"weights":[1],"filter":{"what":1}}}}`,
		`{"custom_score":{"overlap":{"features":[1],"weights":[1]}}}`,
		`{"custom_score":{"overlap":{"features":[1],"min":-1}}}`,
		`{"custom_score":{"knn":{"column":"z","vector":[1]}}}`,
		`{"custom_score":{"steer":{"features":[1],"weights":[1]}}}`,
		`{"custom_score":{"steer":{"base":{"match_all":{}},"features":[1],"weights":[1]}}}`,
		`{"custom_score":{"steer":{"base":{"custom_score":{"knn":{"vector":[1],"k":3}}},"features":[1],"weights":[1]}}}`,
		`{"custom_score":{"steer":{"base":{"custom_score":{"overlap":{"features":[1]}}},"features":[1],"weights":[1]}}}`,
		`{"custom_score":{"dots":{}}}`,
		`{"custom_filter":{"all":{"features":[1],"k":1}}}`,
		`{"custom_filter":{"dot":{"features":[1],"weights":[1]}}}`,
	} {
		if q, err := query.ParseQuery([]byte(s)); !errors.Is(err, ErrQuery) {
			t.Errorf("%s reads as %#v: %v", s, q, err)
		}
	}
	for _, s := range []string{`{}`, `{"custom_score":{"overlap":{}}}`, `{"custom_score":{"dot":{}},"more":{}}`, `{"custom_score":{"dot":{}}} 1`} {
		if err := new(Dot).UnmarshalJSON([]byte(s)); !errors.Is(err, ErrQuery) {
			t.Errorf("%s unmarshals: %v", s, err)
		}
	}
}

func TestHooksAreChained(t *testing.T) {
	other := &Any{Features: []uint32{99}}
	parse := hooked(scoreHook, func([]byte) (query.Query, error) { return other, nil })
	if q, err := parse([]byte(`{"custom_score":{"query":{"match_all":{}}}}`)); q != query.Query(other) || err != nil {
		t.Fatal(q, err)
	}
	if q, err := parse([]byte(`{"custom_score":{"overlap":{"features":[1]}}}`)); err != nil || q.(*Overlap).Features[0] != 1 {
		t.Fatal(q, err)
	}
}

func TestSearchRequestAsJSON(t *testing.T) {
	b, err := json.Marshal(bleve.NewSearchRequest(bleve.NewConjunctionQuery(&Overlap{Features: []uint32{1}}, bleve.NewMatchQuery("x"))))
	if err != nil {
		t.Fatal(err)
	}
	var r bleve.SearchRequest
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if q := r.Query.(*query.ConjunctionQuery); q.Conjuncts[0].(*Overlap).Features[0] != 1 {
		t.Fatalf("%#v", q.Conjuncts[0])
	}
}

func FuzzQueryJSON(f *testing.F) {
	f.Add([]byte(`{"custom_score":{"steer":{"base":{"custom_score":{"dot":{"features":[1],"weights":[1]}}},"features":[7],"weights":[0.5],"k":5}}}`))
	f.Add([]byte(`{"custom_filter":{"all":{"view":"qa","features":[1,2]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, body := kindOf(scoreHook, b)
		if q == nil || q.parse(body) != nil || q.Validate() != nil {
			return
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Skip(err) // a filter of Bleve's that cannot be written
		}
		if _, err := query.ParseQuery(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
