package study

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/steersight/steersight/internal/atomicfile"
	"github.com/steersight/steersight/internal/checkpoint"
)

// saved is the state of a training on disk: a safetensors file of the weights,
// Adam's means and squares, the steps done, when each feature was last in a code,
// and what identifies the run. The order of rows is known from seed and step.
type saved struct {
	path string // empty for none
	run  [sha256.Size]byte
}

func entry(name string, a []float32) checkpoint.Entry {
	return checkpoint.Entry{Name: name, Shape: []int{len(a)}, Float32: a}
}

// tensors lists the float32 state of a dictionary.
func (d *dictionary) tensors() []checkpoint.Entry {
	var all []checkpoint.Entry
	for _, w := range []struct {
		name  string
		w     []float32
		state adam
	}{
		{"encoder.weight", d.sae.EncoderWeight, d.encoder},
		{"encoder.bias", d.sae.EncoderBias, d.encoderBias},
		{"decoder.weight", d.sae.Decoder, d.decoder},
		{"b_dec", d.sae.DecoderBias, d.decoderBias},
	} {
		all = append(all, entry(w.name, w.w), entry(w.name+".mean", w.state.mean), entry(w.name+".square", w.state.square))
	}
	return all
}

// identity returns the run as numbers that float32 holds exactly, two bytes each.
func (s saved) identity() []float32 {
	numbers := make([]float32, len(s.run)/2)
	for i := range numbers {
		numbers[i] = float32(binary.LittleEndian.Uint16(s.run[2*i:]))
	}
	return numbers
}

// counts lists the whole numbers of the state, in two parts each that float32
// holds exactly.
func (d *dictionary) counts() []float32 {
	counts := make([]float32, 0, 2*(1+len(d.fired)))
	add := func(n int) { counts = append(counts, float32(n>>16), float32(n&0xffff)) }
	add(d.steps)
	for _, step := range d.fired {
		add(int(step))
	}
	return counts
}

// save writes the state; the file is there in full or not at all.
func (s saved) save(d *dictionary) error {
	if s.path == "" {
		return nil
	}
	f, err := atomicfile.Create(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	entries := append(d.tensors(), entry("run", s.identity()), entry("counts", d.counts()))
	w := bufio.NewWriterSize(f, 1<<20)
	if err := checkpoint.WriteSafetensors(w, entries); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Commit()
}

// load reads the state into a dictionary that has not been trained, if there is
// any. State of another run is refused.
func (s saved) load(d *dictionary) error {
	if s.path == "" {
		return nil
	}
	if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f, err := checkpoint.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	read := func(name string, dst []float32) error {
		t, ok := f.Tensor(name)
		if !ok || t.Len() != len(dst) {
			return s.other()
		}
		return t.CopyFloat32(dst)
	}
	run := make([]float32, len(s.identity()))
	if err := read("run", run); err != nil {
		return err
	}
	for i, want := range s.identity() {
		if run[i] != want {
			return s.other()
		}
	}
	counts := d.counts()
	if err := read("counts", counts); err != nil {
		return err
	}
	number := func(i int) int { return int(counts[2*i])<<16 + int(counts[2*i+1]) }
	d.steps = number(0)
	for j := range d.fired {
		d.fired[j] = int32(number(1 + j))
	}
	if d.steps < 0 || d.steps > d.recipe.Steps {
		return s.other()
	}
	for _, e := range d.tensors() {
		if err := read(e.Name, e.Float32); err != nil {
			return err
		}
	}
	return nil
}

// other is the error of a file that is not of this run.
func (s saved) other() error {
	return fmt.Errorf("%s: keeps another training, of other rows or settings; remove it or name another folder", s.path)
}
