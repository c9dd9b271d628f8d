package index

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestFuse(t *testing.T) {
	one, two := 1., 2.
	text := []ranked{{1, "a", 9}, {2, "b", 5}, {3, "c", 1}}
	vector := []ranked{{3, "c", .9}, {4, "d", .8}, {1, "a", .1}}
	ids := func(all []fused) (ids []string) {
		for _, f := range all {
			ids = append(ids, f.id)
		}
		return ids
	}
	rrf := fuse(text, vector, Fusion{Method: "rrf", Text: &one, Vector: &one, RankK: 60})
	if got := ids(rrf); !reflect.DeepEqual(got, []string{"a", "c", "b", "d"}) { // a and c tie
		t.Errorf("rrf: %v", got)
	}
	if a := rrf[0]; a.textRank != 1 || a.vectorRank != 3 || *a.text != 9 || *a.vector != .1 || a.score != 1./61+1./63 {
		t.Errorf("rrf: %+v", a)
	}
	if b := rrf[2]; b.vector != nil || b.vectorRank != 0 {
		t.Errorf("rrf: %+v", b)
	}
	weighted := fuse(text, vector, Fusion{Method: "weighted", Text: &one, Vector: &two})
	if got := ids(weighted); !reflect.DeepEqual(got, []string{"c", "d", "a", "b"}) {
		t.Errorf("weighted: %v", got)
	}
	if c := weighted[0]; c.score != 2 {
		t.Errorf("weighted: %+v", c)
	}
	if got := fuse(nil, vector[:1], Fusion{Method: "weighted", Text: &one, Vector: &one}); len(got) != 1 || got[0].score != 1 {
		t.Errorf("one: %+v", got)
	}
}

func TestNthLargest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		scores := make([]float64, 1+r.IntN(50))
		for i := range scores {
			scores[i] = float64(r.IntN(8)) // many ties
		}
		sorted := slices.Clone(scores)
		slices.Sort(sorted)
		n := 1 + r.IntN(len(scores))
		if got, want := nthLargest(slices.Clone(scores), n), sorted[len(sorted)-n]; got != want {
			t.Fatalf("%d-th largest of %v is %v, want %v", n, scores, got, want)
		}
	}
}

func TestAtLeastNth(t *testing.T) {
	all := func() []ranked { return []ranked{{score: 1}, {score: 3}, {score: 2}, {score: 3}, {score: 2}} }
	for n, want := range map[int]int{0: 0, 1: 2, 2: 2, 3: 4, 4: 4, 5: 5, 9: 5} {
		if got := atLeastNth(all(), n); len(got) != want {
			t.Errorf("at least the %d-th: %d, want %d", n, len(got), want)
		}
	}
}
