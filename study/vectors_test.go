package study

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	a, b := InMemory{{1, 2}, {3, 4}}, InMemory{{5, 6}}
	all, err := Join([]Vectors{a, InMemory{}, b}[:1:1], []string{"a"})
	if err != nil || all.Rows() != 2 {
		t.Fatal(all, err)
	}
	if all, err = Join([]Vectors{a, b, a}, []string{"a", "b", "c"}); err != nil || all.Rows() != 5 || all.Cols() != 2 {
		t.Fatal(all, err)
	}
	var got []float32
	row := make([]float32, 2)
	for i := range all.Rows() {
		if err := all.Row(i, row); err != nil {
			t.Fatal(err)
		}
		got = append(got, row[0])
	}
	if !slices.Equal(got, []float32{1, 3, 5, 1, 3}) || all.Row(5, row) == nil {
		t.Error(got)
	}
	if _, err := Join([]Vectors{a, InMemory{{1}}}, []string{"a.npy", "b.npy"}); err == nil || !strings.Contains(err.Error(), "b.npy: rows of 1 numbers, but those of a.npy have 2") {
		t.Error(err)
	}
	if _, err := Join(nil, nil); err == nil {
		t.Error("nothing to join")
	}
}

func TestSplit(t *testing.T) {
	train, held, err := split(100, 0.15, 1)
	if err != nil || len(train) != 85 || len(held) != 15 {
		t.Fatal(len(train), len(held), err)
	}
	all := slices.Concat(train, held)
	slices.Sort(all)
	for i, at := range all {
		if int(at) != i {
			t.Fatalf("row %d is %d", i, at)
		}
	}
	if again, _, _ := split(100, 0.15, 1); !slices.Equal(again, train) {
		t.Error("another split of the same seed")
	}
	if other, _, _ := split(100, 0.15, 2); slices.Equal(other, train) {
		t.Error("the same split of another seed")
	}
	for _, bad := range []struct {
		n       int
		heldOut float64
	}{{1, 0.5}, {0, 0.5}, {10, 0}, {10, 1}, {10, 0.99}} {
		if _, _, err := split(bad.n, bad.heldOut, 1); err == nil {
			t.Errorf("%+v", bad)
		}
	}
}

func TestShare(t *testing.T) {
	for threads := 1; threads < 4; threads++ {
		done := make([]int, 103)
		if err := share(threads, len(done), 10, func(from, to int) error {
			for i := from; i < to; i++ {
				done[i] += from/10 + 1
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for i, n := range done {
			if n != i/10+1 {
				t.Fatalf("%d threads: %d at %d", threads, n, i)
			}
		}
		broken := errors.New("broken")
		if err := share(threads, 30, 10, func(from, _ int) error {
			if from == 10 {
				return broken
			}
			return nil
		}); err != broken {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
}
