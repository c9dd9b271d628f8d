package featureindex

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTopKeepsTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 9))
	for range 200 {
		var all []Hit
		var best top
		best.reset(1 + r.IntN(20))
		for doc := range r.IntN(60) {
			all = append(all, Hit{uint32(doc), float64(r.IntN(8))})
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, h := range all {
			best.push(h)
		}
		slices.SortFunc(all, Hit.compare)
		want := all[:min(best.k, len(all))]
		if got := best.sorted(); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		if best.full() && best.worst() != want[len(want)-1] {
			t.Fatalf("worst %v of %v", best.worst(), want)
		}
	}
}
