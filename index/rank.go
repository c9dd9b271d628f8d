package index

import (
	"cmp"
	"context"
	"slices"

	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	bleveindex "github.com/blevesearch/bleve_index_api"
)

// A ranked document has a score, and a place by score, then by id.
type ranked struct {
	number uint64 // in the snapshot
	id     string
	score  float64
}

// rank returns the best n documents of a query, by falling score and then by
// id, and how many it matched. The query must yield all that it matches.
func (v *view) rank(ctx context.Context, q query.Query, n int) ([]ranked, int, error) {
	var all []ranked
	err := v.each(ctx, q, search.SearcherOptions{}, func(number uint64, score float64) {
		all = append(all, ranked{number: number, score: score})
	})
	if err != nil {
		return nil, 0, err
	}
	best, err := v.order(all, n)
	return best, len(all), err
}

// rankTop is rank for a query that can be asked for its best k documents only,
// which costs far less. Documents with the score of the last one may be left
// out by such a query, so it is asked for more until it is certain that none
// of them belongs before it.
func (v *view) rankTop(ctx context.Context, top func(k int) query.Query, n int) ([]ranked, error) {
	if n == 0 {
		return nil, nil
	}
	for k := n + 1; ; k *= 4 {
		var found []ranked
		err := v.each(ctx, top(k), search.SearcherOptions{}, func(number uint64, score float64) {
			found = append(found, ranked{number: number, score: score})
		})
		if err != nil {
			return nil, err
		}
		if len(found) < k {
			return v.order(found, n)
		}
		slices.SortFunc(found, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
		if found[n-1].score > found[k-1].score {
			return v.order(found, n)
		}
	}
}

// each visits what a query yields, in the order of the snapshot.
func (v *view) each(ctx context.Context, q query.Query, o search.SearcherOptions, visit func(number uint64, score float64)) error {
	searcher, err := q.Searcher(ctx, v.reader, v.index.bleve.Mapping(), o)
	if err != nil {
		return err
	}
	defer searcher.Close()
	c := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(searcher.DocumentMatchPoolSize()+1, 0), IndexReader: v.reader}
	const cancelEvery = 1 << 12
	for n := 0; ; n++ {
		if n%cancelEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		match, err := searcher.Next(c)
		if err != nil || match == nil {
			return err
		}
		visit(match.IndexInternalID.Value(), match.Score)
		c.DocumentMatchPool.Put(match)
	}
}

// order returns the best n documents by score, then by id. Only those that can
// be among them are asked for their id.
func (v *view) order(all []ranked, n int) ([]ranked, error) {
	all = atLeastNth(all, n)
	for i := range all {
		id, err := v.reader.ExternalID(bleveindex.NewIndexInternalID(nil, all[i].number))
		if err != nil {
			return nil, err
		}
		all[i].id = id
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
	})
	return all[:min(n, len(all))], nil
}

// atLeastNth returns the documents that score as much as the n-th best or
// more.
func atLeastNth(all []ranked, n int) []ranked {
	if n <= 0 {
		return nil
	}
	if len(all) <= n {
		return all
	}
	scores := make([]float64, len(all))
	for i := range all {
		scores[i] = all[i].score
	}
	least := nthLargest(scores, n)
	return slices.DeleteFunc(all, func(r ranked) bool { return r.score < least })
}

// nthLargest returns the n-th largest score, 1 ≤ n ≤ len(scores), which it
// puts in another order.
func nthLargest(scores []float64, n int) float64 {
	low, high := 0, len(scores)-1
	for low < high {
		pivot := scores[low+(high-low)/2]
		i, j := low, high
		for i <= j {
			for scores[i] > pivot {
				i++
			}
			for scores[j] < pivot {
				j--
			}
			if i <= j {
				scores[i], scores[j] = scores[j], scores[i]
				i++
				j--
			}
		}
		switch {
		case n-1 <= j:
			high = j
		case n-1 >= i:
			low = i
		default:
			return scores[n-1]
		}
	}
	return scores[n-1]
}
