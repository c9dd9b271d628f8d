package model

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/steersight/steersight/internal/checkpoint"
)

var internalizerNames = []string{"net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"}

// ReadInternalizer reads an internalizer from a torch or safetensors checkpoint
// with the tensors
//
//	net.0.weight [hidden, dim]   net.0.bias [hidden]
//	net.2.weight [dim, hidden]   net.2.bias [dim]
//
// of any floating-point type; nothing may be missing or added. Weights must be
// finite, and the output layer not all zeros.
func ReadInternalizer(path string) (*Internalizer, error) {
	w, err := openWeights(path)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.require(internalizerNames); err != nil {
		return nil, err
	}
	return w.internalizer()
}

// internalizer reads an internalizer whose names were checked.
func (w *weights) internalizer() (*Internalizer, error) {
	w1, hidden, dim, err := w.matrix("net.0.weight", "hidden", "dim")
	if err != nil {
		return nil, err
	}
	r := &Internalizer{Dim: dim, Hidden: hidden}
	b1, err := w.shaped("net.0.bias", hidden)
	if err != nil {
		return nil, err
	}
	w2, err := w.shaped("net.2.weight", dim, hidden)
	if err != nil {
		return nil, err
	}
	b2, err := w.shaped("net.2.bias", dim)
	if err != nil {
		return nil, err
	}
	for _, p := range []struct {
		name string
		dst  *[]float32
		t    *checkpoint.Tensor
	}{
		{"net.0.weight", &r.W1, w1},
		{"net.0.bias", &r.B1, b1},
		{"net.2.weight", &r.W2, w2},
		{"net.2.bias", &r.B2, b2},
	} {
		if *p.dst, err = w.floats(p.name, p.t); err != nil {
			return nil, err
		}
	}
	if allZero(r.W2) && allZero(r.B2) {
		return nil, w.wrong("net.2", "%w", errZeroOutput)
	}
	return r, nil
}

func allZero(a []float32) bool {
	for _, v := range a {
		if v != 0 {
			return false
		}
	}
	return true
}

// Internalizers are the three internalizers of a model, in the order of
// InternalizerViews. All have the same Dim.
type Internalizers [3]*Internalizer

// ReadInternalizers reads model_qa, model_summary and model_purpose from a
// folder, each with the ending .pt or, where there is no such file, with
// .safetensors.
func ReadInternalizers(dir string) (Internalizers, error) {
	var all Internalizers
	var first string
	for i, view := range InternalizerViews() {
		path, err := internalizerFile(dir, view)
		if err != nil {
			return Internalizers{}, err
		}
		if all[i], err = ReadInternalizer(path); err != nil {
			return Internalizers{}, err
		}
		if i == 0 {
			first = filepath.Base(path)
			continue
		}
		if err := sameDim(path, all[i].Dim, first, all[0].Dim); err != nil {
			return Internalizers{}, err
		}
	}
	return all, nil
}

// sameDim checks a file's dimension against that of another one.
func sameDim(path string, dim int, other string, otherDim int) error {
	if dim == otherDim {
		return nil
	}
	return wrongFile(path, "is for embeddings of %d numbers, %s for %d", dim, other, otherDim)
}

// internalizerFile returns the file of a view's internalizer.
func internalizerFile(dir string, view View) (string, error) {
	name := "model_" + string(view)
	for _, ending := range []string{".pt", ".safetensors"} {
		path := filepath.Join(dir, name+ending)
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", wrongFile(dir, "has no %s.pt and no %s.safetensors", name, name)
}
