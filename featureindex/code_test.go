package featureindex

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestUniterIsUnite(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, d := range []int{1, 63, 64, 500, mostUnited} {
		u := newUniter(d)
		for range 50 {
			var codes []Code
			for range 1 + r.IntN(MaxViews) {
				codes = append(codes, randomCode(r, shape{features: d, k: 20}))
			}
			features, sums := unite(codes, nil, nil)
			gotFeatures, gotSums := u.unite(codes, nil, nil)
			if !slices.Equal(gotFeatures, features) || !slices.Equal(gotSums, sums) {
				t.Fatalf("D %d: %v %v, want %v %v", d, gotFeatures, gotSums, features, sums)
			}
		}
	}
}

func TestBuilderRefusesDocuments(t *testing.T) {
	b, err := NewBuilder(Options{Features: 10, Views: []string{"a", "b"}, Dim: 2, Half: true})
	if err != nil {
		t.Fatal(err)
	}
	nan, infinity := float32(math.NaN()), float32(math.Inf(1))
	code := func(features []uint32, activations ...float32) []Code { return []Code{{}, {features, activations}} }
	for name, d := range map[string]Document{
		"one view":        {Views: []Code{{}}},
		"feature beyond":  {Views: code([]uint32{10}, 1)},
		"not ascending":   {Views: code([]uint32{3, 3}, 1, 1)},
		"zero":            {Views: code([]uint32{3}, 0)},
		"negative":        {Views: code([]uint32{3}, -1)},
		"NaN":             {Views: code([]uint32{3}, nan)},
		"infinite":        {Views: code([]uint32{3}, infinity)},
		"beyond float16":  {Views: code([]uint32{3}, 65520)},
		"lengths":         {Views: code([]uint32{3, 4}, 1)},
		"short vector":    {Views: code(nil), Embedding: []float32{1}},
		"NaN in a vector": {Views: code(nil), Sum: []float32{1, nan}},
	} {
		if err := b.Add(d); err == nil || b.Len() != 0 {
			t.Errorf("%s: added", name)
		}
	}
}
