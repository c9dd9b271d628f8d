package bench

import (
	"context"
	"math"
	"runtime"
	"slices"
	"time"
)

// Latency is the times of queries in milliseconds: each query's fastest run,
// and of these the percentiles.
type Latency struct {
	P10 float64 `json:"p10_ms"`
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// milliseconds returns a time in milliseconds.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// percentiles returns the percentiles of times, which it sorts.
func percentiles(times []time.Duration) Latency {
	if len(times) == 0 {
		return Latency{}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return milliseconds(times[min(int(share*float64(len(times))), len(times)-1)])
	}
	return Latency{at(.10), at(.50), at(.99)}
}

// measure runs all queries in one round to warm up and in so many that count.
func measure(ctx context.Context, queries, rounds int, run func(query int) error) (Latency, error) {
	all, err := measureBeside(ctx, queries, rounds, run)
	return all[0], err
}

// measureBeside measures several ways of running the queries, which take turns
// round by round, so that a machine whose speed drifts is the same to all.
func measureBeside(ctx context.Context, queries, rounds int, runs ...func(query int) error) ([]Latency, error) {
	fastest, latencies := make([][]time.Duration, len(runs)), make([]Latency, len(runs))
	for i := range fastest {
		fastest[i] = slices.Repeat([]time.Duration{math.MaxInt64}, queries)
	}
	runtime.GC()
	for round := range rounds + 1 {
		for i, run := range runs {
			for q := range queries {
				if ctx.Err() != nil {
					return latencies, ctx.Err()
				}
				start := time.Now()
				err := run(q)
				took := time.Since(start)
				if err != nil {
					return latencies, err
				}
				if round > 0 {
					fastest[i][q] = min(fastest[i][q], took)
				}
			}
		}
	}
	for i := range fastest {
		latencies[i] = percentiles(fastest[i])
	}
	return latencies, nil
}

// ratio returns a/b, or 0 where that is no number.
func ratio(a, b float64) float64 {
	if r := a / b; !math.IsNaN(r) && !math.IsInf(r, 0) {
		return r
	}
	return 0
}
