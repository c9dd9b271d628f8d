package index

import (
	"cmp"
	"slices"
)

// A fused document has its places in the two rankings of a hybrid search.
type fused struct {
	ranked
	text, vector         *float64 // scores; nil where a ranking does not have it
	textRank, vectorRank int      // from 1; 0 where a ranking does not have it
}

// fuse joins two rankings into one, by falling fused score and then by id.
//
// Reciprocal rank fusion adds weight/(rank_k + rank) for each ranking (Cormack
// et al. 2009). Weighted fusion adds weight·(score − least)/(most − least),
// with least and most those of the ranking's window.
func fuse(text, vector []ranked, f Fusion) []fused {
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
		d.score += *f.Text * f.part(text, i)
	}
	for i, r := range vector {
		d := find(r)
		d.vector, d.vectorRank = &vector[i].score, i+1
		d.score += *f.Vector * f.part(vector, i)
	}
	slices.SortFunc(all, func(a, b fused) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
	})
	return all
}

// part is what the i-th of a ranking adds to its fused score, before weights.
func (f Fusion) part(ranking []ranked, i int) float64 {
	if f.Method == "rrf" {
		return 1 / float64(f.RankK+i+1)
	}
	most, least := ranking[0].score, ranking[len(ranking)-1].score
	if most == least {
		return 1
	}
	return (ranking[i].score - least) / (most - least)
}
