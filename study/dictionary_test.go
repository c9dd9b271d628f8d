package study

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// tinyDictionary has taken two steps, and some of its features are dead.
func tinyDictionary(t *testing.T) (*dictionary, *gathered) {
	t.Helper()
	rows := randomRows(3, 6, 5)
	x := &gathered{flat(rows), rows}
	recipe := SAERecipe{Features: 16, K: 2, AuxK: 2, DeadSteps: 2, Threads: 1, Seed: 4}
	s := newSums(5)
	for _, row := range rows {
		s.add(row)
	}
	d := newDictionary(s.mean(), s.squares()/6, recipe)
	for range 4 {
		if _, err := d.step(x, 0.02); err != nil {
			t.Fatal(err)
		}
	}
	return d, x
}

// slowLosses is the sum of the two losses by their definition in float64, with
// the supports of the codes, and what the dead features are to reconstruct, as
// they were found.
func slowLosses(d *dictionary, s *model.SAE, x *gathered, left []float32) (loss float64) {
	dim := s.Dim
	local := make([]int, 0)
	for j, place := range d.dead {
		if place >= 0 {
			local = append(local, j)
		}
	}
	total := 0.
	for _, e := range left {
		total += float64(e) * float64(e)
	}
	reconstruct := func(row []float32, features []uint32, global func(int) int, out []float64) {
		for _, f := range features {
			j, a := global(int(f)), 0.
			for i := range dim {
				a += float64(s.EncoderWeight[j*dim+i]) * (float64(row[i]) - float64(s.DecoderBias[i]))
			}
			a += float64(s.EncoderBias[j])
			for i := range dim {
				out[i] += a * float64(s.Decoder[j*dim+i])
			}
		}
	}
	for r, row := range x.rows {
		out, aux := make([]float64, dim), make([]float64, dim)
		reconstruct(row, d.main.codes[r].Features, func(j int) int { return j }, out)
		if d.aux.scale > 0 {
			reconstruct(row, d.aux.codes[r].Features, func(j int) int { return local[j] }, aux)
		}
		for i := range dim {
			diff := out[i] + float64(s.DecoderBias[i]) - float64(row[i])
			loss += diff * diff / (float64(len(x.rows)) * d.variance)
			auxDiff := aux[i] + float64(left[r*dim+i])
			if d.aux.scale > 0 {
				loss += auxWeight * auxDiff * auxDiff / total
			}
		}
	}
	return loss
}

func TestDictionaryGradient(t *testing.T) {
	d, x := tinyDictionary(t)
	loss, err := d.losses(x)
	if err != nil {
		t.Fatal(err)
	}
	dead := 0
	for _, place := range d.dead {
		if place >= 0 {
			dead++
		}
	}
	used := 0
	for _, code := range d.aux.codes {
		used += len(code.Features)
	}
	if dead < 2 || used == 0 || d.aux.scale == 0 {
		t.Fatalf("%d dead features, used %d times: nothing to test", dead, used)
	}
	left := slices.Clone(d.main.left)
	both := slowLosses(d, d.sae, x, left)
	if !(both > loss) {
		t.Errorf("losses %v, the first of them %v", both, loss)
	}
	check := func(what string, weights []float32, i int, got float32) {
		t.Helper()
		const h = 1e-3
		before := weights[i]
		weights[i] = before + h
		up, high := slowLosses(d, d.sae, x, left), weights[i]
		weights[i] = before - h
		down, low := slowLosses(d, d.sae, x, left), weights[i]
		weights[i] = before
		if want := (up - down) / (float64(high) - float64(low)); math.Abs(float64(got)-want) > 2e-6 {
			t.Errorf("%s: the gradient of %d is %v, want %v", what, i, got, want)
		}
	}
	dim := d.sae.Dim
	dec, enc := make([]float32, dim), make([]float32, dim)
	d.partials = make([]float32, dim)
	for j := range d.sae.Features {
		bias := d.gradient(j, dec, enc)
		for i := range dim {
			check("decoder", d.sae.Decoder, j*dim+i, dec[i])
			check("encoder", d.sae.EncoderWeight, j*dim+i, enc[i])
			d.partials[i] += bias * d.sae.EncoderWeight[j*dim+i]
		}
		check("encoder bias", d.sae.EncoderBias, j, bias)
	}
	for i, g := range d.biasGradient() {
		check("decoder bias", d.sae.DecoderBias, i, g)
	}
}

func TestDictionaryStep(t *testing.T) {
	d, x := tinyDictionary(t)
	// The codes trained with are those that the Engine gives.
	engine, err := gpu.Open(d.sae, nil, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := engine.Encode(context.Background(), x.rows)
	if err != nil {
		t.Fatal(err)
	}
	loss, err := d.step(x, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	for i, code := range codes {
		if !slices.Equal(code.Features, d.main.codes[i].Features) {
			t.Errorf("row %d: %v, want %v", i, d.main.codes[i].Features, code.Features)
		}
		for _, j := range code.Features {
			if d.fired[j] != int32(d.steps) {
				t.Errorf("feature %d was last in a code in step %d of %d", j, d.fired[j], d.steps)
			}
		}
	}
	for j := range d.sae.Features {
		if w := d.sae.Decoder[j*5:][:5]; math.Abs(kernel.Dot(w, w)-1) > 1e-6 {
			t.Errorf("column %d has a length of √%v", j, kernel.Dot(w, w))
		}
	}
	for range 50 {
		after, err := d.step(x, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		if after < loss {
			return
		}
	}
	t.Errorf("the loss stays at %v", loss)
}
