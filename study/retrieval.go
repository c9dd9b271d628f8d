package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/internal/corpus"
)

// Ways are the names of the ways of ranking that Retrieval knows.
var Ways = []string{"bm25", "dense", "views", "codes", "hybrid"}

// requests are what they ask for.
var requests = map[string]index.Request{
	"bm25":   {Mode: index.BM25},
	"dense":  {Mode: index.Vector, Scope: index.OriginalOnly},
	"views":  {Mode: index.Vector, Scope: index.AllViews},
	"codes":  {Mode: index.Codes, Scope: index.AllViews},
	"hybrid": {Mode: index.Hybrid, Scope: index.AllViews},
}

// The depths of the metrics.
const (
	ndcgDepth   = 10
	recallDepth = 100
)

// A RetrievalReport says how well an index ranks what was judged relevant.
type RetrievalReport struct {
	Documents uint64   `json:"documents"`
	Queries   int      `json:"queries"`  // judged, with something relevant
	Unjudged  int      `json:"unjudged"` // left out
	Ways      []Ranked `json:"ways"`
}

// Ranked is how well one way of ranking does.
type Ranked struct {
	Way    string `json:"way"`
	NDCG   Figure `json:"ndcg_at_10"`
	Recall Figure `json:"recall_at_100"`
}

// A Query is asked by its text and its embedding, which the index's encoder makes
// where the queries have none.
type Query struct {
	corpus.Query
	Vector []float32
}

// Retrieval asks an index every query in each of the ways named, and compares
// the rankings with judgments. Queries for which nothing is judged relevant are
// left out.
func Retrieval(ctx context.Context, ix *index.Index, queries []Query, judgments corpus.Judgments, ways []string, progress func(queries int)) (*RetrievalReport, error) {
	r := &RetrievalReport{}
	for _, way := range ways {
		if _, ok := requests[way]; !ok {
			return nil, fmt.Errorf("%q is no way of ranking; use bm25, dense, views, codes or hybrid", way)
		}
		r.Ways = append(r.Ways, Ranked{Way: way})
	}
	var err error
	if r.Documents, err = ix.Count(); err != nil {
		return nil, err
	}
	if queries, err = embedAll(ctx, ix, queries, ways); err != nil {
		return nil, err
	}
	ndcg, recall := make([][]float64, len(ways)), make([][]float64, len(ways))
	for _, q := range queries {
		judged := judgments[q.ID]
		if !anyRelevant(judged) {
			r.Unjudged++
			continue
		}
		for i, way := range ways {
			ranking, err := rank(ctx, ix, way, q)
			if err != nil {
				return nil, fmt.Errorf("query %s: %w", q.ID, err)
			}
			ndcg[i] = append(ndcg[i], NDCG(judged, ranking, ndcgDepth))
			recall[i] = append(recall[i], Recall(judged, ranking, recallDepth))
		}
		r.Queries++
		progress(r.Queries)
	}
	if r.Queries == 0 {
		return nil, errors.New("no query has a relevant document: do queries and judgments belong together?")
	}
	for i := range r.Ways {
		r.Ways[i].NDCG, r.Ways[i].Recall = newFigure(ndcg[i]), newFigure(recall[i])
	}
	return r, nil
}

// embedAll returns the queries with embeddings, if any of the ways needs them.
func embedAll(ctx context.Context, ix *index.Index, queries []Query, ways []string) ([]Query, error) {
	if len(queries) == 0 || queries[0].Vector != nil || !slices.ContainsFunc(ways, func(way string) bool { return way != "bm25" }) {
		return queries, nil
	}
	texts := make([]string, len(queries))
	for i, q := range queries {
		texts[i] = q.Text
	}
	rows, err := ix.EmbedQueries(ctx, texts)
	if err != nil {
		return nil, err
	}
	embedded := slices.Clone(queries)
	for i := range embedded {
		embedded[i].Vector = rows[i]
	}
	return embedded, nil
}

func anyRelevant(judged map[string]int) bool {
	for _, score := range judged {
		if score > 0 {
			return true
		}
	}
	return false
}

// rank returns the ids of the best documents for a query.
func rank(ctx context.Context, ix *index.Index, way string, q Query) ([]string, error) {
	depth := recallDepth
	request := requests[way]
	request.Text, request.Size, request.Explain = q.Text, &depth, index.ExplainNone
	if request.Mode != index.BM25 {
		request.Vector = q.Vector
	}
	answer, err := ix.Search(ctx, request)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(answer.Hits))
	for i, hit := range answer.Hits {
		ids[i] = hit.ID
	}
	return ids, nil
}

// Print prints the report for people.
func (r *RetrievalReport) Print(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "%d documents, %d queries", r.Documents, r.Queries)
	if r.Unjudged > 0 {
		fmt.Fprintf(t, "; %d more without a relevant document are left out", r.Unjudged)
	}
	fmt.Fprint(t, "\n\n\tnDCG@10\t95 %\trecall@100\t95 %\n")
	for _, w := range r.Ways {
		fmt.Fprintf(t, "%s\t%.4f\t%.3f to %.3f\t%.4f\t%.3f to %.3f\n", w.Way, w.NDCG.Mean, w.NDCG.Low, w.NDCG.High, w.Recall.Mean, w.Recall.Low, w.Recall.High)
	}
	return t.Flush()
}
