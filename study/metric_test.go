package study

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestNDCG(t *testing.T) {
	judged := map[string]int{"a": 2, "b": 1, "c": 0, "d": -1}
	ideal := 2 + 1/math.Log2(3)
	near(t, "best", NDCG(judged, []string{"a", "b", "c"}, 10), 1)
	near(t, "turned around", NDCG(judged, []string{"b", "a"}, 10), (1+2/math.Log2(3))/ideal)
	near(t, "below others", NDCG(judged, []string{"x", "d", "c", "a"}, 10), 2/math.Log2(5)/ideal)
	near(t, "too late", NDCG(judged, []string{"x", "a"}, 1), 0)
	near(t, "cut ideal", NDCG(judged, []string{"a", "x"}, 1), 1)
	near(t, "nothing relevant", NDCG(map[string]int{"c": 0}, []string{"c"}, 10), 0)
	near(t, "nothing found", NDCG(judged, nil, 10), 0)
}

func TestRecall(t *testing.T) {
	judged := map[string]int{"a": 2, "b": 1, "c": 0}
	near(t, "half", Recall(judged, []string{"x", "b", "c"}, 3), .5)
	near(t, "cut", Recall(judged, []string{"x", "b"}, 1), 0)
	near(t, "all", Recall(judged, []string{"b", "a"}, 100), 1)
	near(t, "nothing relevant", Recall(nil, []string{"a"}, 1), 0)
}

func TestFigure(t *testing.T) {
	if f := newFigure(nil); f != (Figure{}) {
		t.Errorf("of nothing: %+v", f)
	}
	if f := newFigure([]float64{.5, .5}); f != (Figure{.5, .5, .5}) {
		t.Errorf("of equals: %+v", f)
	}
	values := make([]float64, 100) // the mean's standard error is 0.05
	for i := range values {
		values[i] = float64(i % 2)
	}
	f := newFigure(values)
	if f.Mean != .5 || math.Abs(f.Low-.4) > .02 || math.Abs(f.High-.6) > .02 || f != newFigure(values) {
		t.Errorf("%+v", f)
	}
}
