package embed

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// A pooling is how the vectors of a text's tokens become one.
type pooling int

const (
	poolMean     pooling = iota // their mean
	poolCLS                     // the first
	poolMax                     // the largest number of each column
	poolMeanSqrt                // their sum over the square root of their count
)

// readPooling reads a Pooling module's config.json. withPrompt is whether the
// tokens of a prompt are pooled too.
func readPooling(dir folderFS) (mode pooling, withPrompt bool, err error) {
	c := struct {
		CLS           bool  `json:"pooling_mode_cls_token"`
		Mean          bool  `json:"pooling_mode_mean_tokens"`
		Max           bool  `json:"pooling_mode_max_tokens"`
		MeanSqrt      bool  `json:"pooling_mode_mean_sqrt_len_tokens"`
		WeightedMean  bool  `json:"pooling_mode_weightedmean_tokens"`
		Last          bool  `json:"pooling_mode_lasttoken"`
		IncludePrompt *bool `json:"include_prompt"`
	}{Mean: true}
	ok, err := dir.readJSON("config.json", &c)
	if err != nil {
		return 0, false, err
	}
	if !ok {
		return 0, false, errors.New("config.json is missing")
	}
	var set []string
	for _, m := range []struct {
		on   bool
		name string
		mode pooling
	}{
		{c.CLS, "cls_token", poolCLS},
		{c.Mean, "mean_tokens", poolMean},
		{c.Max, "max_tokens", poolMax},
		{c.MeanSqrt, "mean_sqrt_len_tokens", poolMeanSqrt},
		{c.WeightedMean, "weightedmean_tokens", -1},
		{c.Last, "lasttoken", -1},
	} {
		if m.on {
			set, mode = append(set, "pooling_mode_"+m.name), m.mode
		}
	}
	if len(set) != 1 || mode < 0 {
		return 0, false, fmt.Errorf("config.json: pooling by %q: one of cls_token, mean_tokens, max_tokens and mean_sqrt_len_tokens is supported", strings.Join(set, " and "))
	}
	return mode, or(c.IncludePrompt, true), nil
}

// pool sets dst [width] to the pooled rows [n, width] and gives it unit length.
// n is at least 1. Sums are taken in float64. It returns false if the vector
// is not finite, and leaves a vector of zeros as it is.
func (p pooling) pool(dst, rows []float32) bool {
	width := len(dst)
	n := len(rows) / width
	sum := make([]float64, width)
	for j := range sum {
		sum[j] = float64(rows[j])
	}
	if p == poolCLS {
		n = 1
	}
	for i := 1; i < n; i++ {
		for j, v := range rows[i*width:][:width] {
			if p == poolMax {
				sum[j] = max(sum[j], float64(v))
			} else {
				sum[j] += float64(v)
			}
		}
	}
	switch p {
	case poolMean:
		scale(sum, 1/float64(n))
	case poolMeanSqrt:
		scale(sum, 1/math.Sqrt(float64(n)))
	}
	norm := unit(dst, sum)
	return !math.IsNaN(norm) && !math.IsInf(norm, 0)
}

// scale multiplies v by c.
func scale(v []float64, c float64) {
	for j := range v {
		v[j] *= c
	}
}
