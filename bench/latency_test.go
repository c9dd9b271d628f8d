package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

func TestPercentiles(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(199-i)*time.Millisecond)
	}
	if l := percentiles(times); l != (Latency{20, 100, 198}) {
		t.Errorf("%+v", l)
	}
	if l := percentiles(times[:1]); l != (Latency{0, 0, 0}) {
		t.Errorf("%+v", l)
	}
	if l := percentiles(nil); l != (Latency{}) {
		t.Errorf("%+v", l)
	}
}

func TestMeasureTakesTheFastestRunAfterTheFirst(t *testing.T) {
	runs := 0
	l, err := measure(context.Background(), 1, 2, func(int) error {
		if runs++; runs == 2 {
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	})
	if err != nil || runs != 3 || l.P50 >= 20 {
		t.Errorf("%d runs, %+v: %v", runs, l, err)
	}
	broken := errors.New("broken")
	if _, err := measure(context.Background(), 1, 2, func(int) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestMeasureBesideTakesTurns(t *testing.T) {
	var order []int
	times, err := measureBeside(context.Background(), 2, 1,
		func(q int) error { order = append(order, q); return nil },
		func(q int) error { order = append(order, 10+q); time.Sleep(time.Millisecond); return nil })
	if err != nil || !slices.Equal(order, []int{0, 1, 10, 11, 0, 1, 10, 11}) || times[0].P50 >= 1 || times[1].P50 < 1 {
		t.Errorf("%v, %+v: %v", order, times, err)
	}
}

func TestRatioIsAlwaysANumber(t *testing.T) {
	if ratio(1, 2) != .5 || ratio(1, 0) != 0 || ratio(0, 0) != 0 || ratio(math.NaN(), 1) != 0 {
		t.Error("ratio")
	}
}
