package study

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// NDCG returns the normalized discounted cumulative gain of the first k
// documents of a ranking: Σ gain/log2(rank+1), divided by that of the best
// ranking there is. The gain is the judgment itself, as trec_eval and BEIR have
// it; negative judgments and documents without one gain nothing. It is 0 where
// nothing is relevant.
func NDCG(judged map[string]int, ranking []string, k int) float64 {
	gains := make([]int, 0, len(ranking))
	for _, document := range ranking[:min(k, len(ranking))] {
		gains = append(gains, judged[document])
	}
	ideal := make([]int, 0, len(judged))
	for _, gain := range judged {
		ideal = append(ideal, gain)
	}
	slices.SortFunc(ideal, func(a, b int) int { return cmp.Compare(b, a) })
	best := dcg(ideal[:min(k, len(ideal))])
	if best == 0 {
		return 0
	}
	return dcg(gains) / best
}

func dcg(gains []int) (sum float64) {
	for i, gain := range gains {
		sum += float64(max(gain, 0)) / math.Log2(float64(i+2))
	}
	return sum
}

// Recall returns the share of the relevant documents, those judged above 0,
// that are among the first k of a ranking; 0 where nothing is relevant.
func Recall(judged map[string]int, ranking []string, k int) float64 {
	found, all := 0, 0
	for _, gain := range judged {
		if gain > 0 {
			all++
		}
	}
	for _, document := range ranking[:min(k, len(ranking))] {
		if judged[document] > 0 {
			found++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(found) / float64(all)
}

// A Figure is the mean over queries, with the interval that holds 95 % of the
// means of as many queries drawn from them.
type Figure struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// newFigure returns the mean of values and its bootstrap interval, the same
// every time.
func newFigure(values []float64) Figure {
	if len(values) == 0 {
		return Figure{}
	}
	const draws = 2000
	random := rand.New(rand.NewPCG(1, 2))
	means := make([]float64, draws)
	for i := range means {
		for range values {
			means[i] += values[random.IntN(len(values))]
		}
		means[i] /= float64(len(values))
	}
	slices.Sort(means)
	sum := 0.
	for _, x := range values {
		sum += x
	}
	return Figure{sum / float64(len(values)), means[draws*25/1000], means[draws*975/1000]}
}
