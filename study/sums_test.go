package study

import (
	"context"
	"math"
	"testing"
)

func TestSums(t *testing.T) {
	rows := InMemory{{1, 2}, {3, 4}, {8, 0}}
	s, err := look(context.Background(), rows, []uint32{0, 1}, []uint32{2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if mean := s.mean(); mean[0] != 2 || mean[1] != 3 || math.Abs(s.squares()-4) > 1e-12 || s.n != 2 {
		t.Errorf("mean %v, squares %v", mean, s.squares())
	}
	recipe := SAERecipe{Features: 5, Steps: 7, Threads: 1}
	run := s.run(recipe)
	recipe.Threads, recipe.Epochs = 2, 3
	if s.run(recipe) != run {
		t.Error("threads make another run")
	}
	if recipe.Steps = 8; s.run(recipe) == run {
		t.Error("other steps make the same run")
	}
	run = s.run(recipe)
	rows[2][1] = 1
	if s, _ := look(context.Background(), rows, []uint32{0, 1}, []uint32{2}, 1); s.run(recipe) == run {
		t.Error("other rows make the same run")
	}
}
