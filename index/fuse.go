package index

import (
	"cmp"
	"slices"

	"github.com/blevesearch/bleve/v2/fusion"
	"github.com/blevesearch/bleve/v2/search"
)

// A fused document has its places in the two rankings of a hybrid search.
type fused struct {
	ranked
	text, vector         *float64 // scores; nil where a ranking does not have it
	textRank, vectorRank int      // from 1; 0 where a ranking does not have it
}

// fuse joins two rankings into one, by falling fused score and then by id, as
// Bleve's own fusion does: by reciprocal ranks, weight/(rank_k + rank) for each
// ranking (Cormack et al. 2009), or by relative scores,
// weight·(score − least)/(most − least) within each ranking.
func fuse(text, vector []ranked, f Fusion) []fused {
	all := unite(text, vector)
	matches := make(search.DocumentMatchCollection, len(all))
	for i, d := range all {
		matches[i] = &search.DocumentMatch{HitNumber: uint64(i)}
		if d.text != nil {
			matches[i].Score = *d.text
		}
		if d.vector != nil {
			matches[i].ScoreBreakdown = map[int]float64{0: *d.vector}
		}
	}
	weights := []float64{*f.Text, *f.Vector}
	var result *fusion.FusionResult
	if f.Method == "rrf" {
		result = fusion.ReciprocalRankFusion(matches, weights, f.RankK, len(all), 1, false)
	} else {
		result = fusion.RelativeScoreFusion(matches, weights, len(all), 1, false)
	}
	best := make([]fused, len(result.Hits))
	for i, match := range result.Hits {
		best[i] = all[match.HitNumber]
		best[i].score = match.Score
	}
	return best
}

// unite returns the documents of both rankings, by id, which decides between
// equal scores.
func unite(text, vector []ranked) []fused {
	at := make(map[uint64]int, len(text)+len(vector))
	var all []fused
	find := func(r ranked) *fused {
		i, ok := at[r.number]
		if !ok {
			i = len(all)
			at[r.number] = i
			all = append(all, fused{ranked: ranked{number: r.number, id: r.id}})
		}
		return &all[i]
	}
	for i, r := range text {
		d := find(r)
		d.text, d.textRank = &text[i].score, i+1
	}
	for i, r := range vector {
		d := find(r)
		d.vector, d.vectorRank = &vector[i].score, i+1
	}
	slices.SortFunc(all, func(a, b fused) int { return cmp.Compare(a.id, b.id) })
	return all
}
