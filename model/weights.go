package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/steersight/steersight/internal/checkpoint"
)

// weights are the entries of a checkpoint's state dict under the names that
// the training code gave them, without the prefixes of its wrappers.
type weights struct {
	file   *checkpoint.File
	names  []string // in file order
	values map[string]checkpoint.Value
	keys   []string // names as stored, with prefixes
}

// openWeights opens a checkpoint and finds its state dict. The caller closes
// the weights; no slice of a model may be in the map then.
func openWeights(path string) (*weights, error) {
	f, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	w := &weights{file: f, values: make(map[string]checkpoint.Value)}
	if err := w.read(); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

func (w *weights) read() error {
	dict, err := w.file.StateDict()
	if err != nil {
		return err
	}
	if key, ok := dict.OtherKey(); ok {
		return w.wrong("", "state dict has a key that is %s", checkpoint.Kind(key))
	}
	w.keys = dict.Keys()
	for _, key := range w.keys {
		name := trimPrefixes(key)
		if _, ok := w.values[name]; ok {
			return w.wrong(quote(name), "is there twice, under different prefixes")
		}
		w.values[name], _ = dict.Get(key)
		w.names = append(w.names, name)
	}
	return nil
}

// trimPrefixes removes what DataParallel and torch.compile put before a name,
// each once and in the order in which training code nests them.
func trimPrefixes(key string) string {
	return strings.TrimPrefix(strings.TrimPrefix(key, "module."), "_orig_mod.")
}

func (w *weights) close() error { return w.file.Close() }

// wrong returns an error of a tensor, or of the file where tensor is empty.
func (w *weights) wrong(tensor, format string, args ...any) error {
	return &FileError{File: w.file.Path(), Tensor: tensor, Err: fmt.Errorf(format, args...)}
}

// has reports whether there is an entry of that name.
func (w *weights) has(name string) bool {
	_, ok := w.values[name]
	return ok
}

// require checks that the required names are there, and none but these and the
// optional ones.
func (w *weights) require(required []string, optional ...string) error {
	for _, name := range required {
		if !w.has(name) {
			return w.wrong("", "has no %s; its keys are %s", name, listKeys(w.keys))
		}
	}
	for _, name := range w.names {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return w.wrong("", "has an unexpected key %s", quote(name))
		}
	}
	return nil
}

// listKeys names the first keys of a state dict.
func listKeys(keys []string) string {
	const most = 8
	if len(keys) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, key := range keys {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(keys)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(key))
	}
	return b.String()
}

// quote returns a name from a file as it may stand in a message.
func quote(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most] + "…"
	}
	plain := func(r rune) bool { return r > ' ' && r < 0x7f }
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return fmt.Sprintf("%q", name)
}

// tensor returns a required entry, which must be a tensor.
func (w *weights) tensor(name string) (*checkpoint.Tensor, error) {
	v := w.values[name]
	t, ok := v.(*checkpoint.Tensor)
	if !ok {
		return nil, w.wrong(name, "is %s, not a tensor", checkpoint.Kind(v))
	}
	return t, nil
}

// matrix returns a tensor of two dimensions and their lengths, none of them 0.
func (w *weights) matrix(name, rows, cols string) (t *checkpoint.Tensor, r, c int, err error) {
	if t, err = w.tensor(name); err != nil {
		return nil, 0, 0, err
	}
	if len(t.Shape) != 2 {
		return nil, 0, 0, w.wrong(name, "has shape %s, not [%s, %s]", checkpoint.ShapeString(t.Shape), rows, cols)
	}
	if t.Shape[0] == 0 || t.Shape[1] == 0 {
		return nil, 0, 0, w.wrong(name, "has shape %s: no %s", checkpoint.ShapeString(t.Shape),
			map[bool]string{true: rows, false: cols}[t.Shape[0] == 0])
	}
	return t, t.Shape[0], t.Shape[1], nil
}

// shaped returns a tensor that must have the given shape.
func (w *weights) shaped(name string, shape ...int) (*checkpoint.Tensor, error) {
	t, err := w.tensor(name)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, w.wrong(name, "has shape %s, not %s", checkpoint.ShapeString(t.Shape), checkpoint.ShapeString(shape))
	}
	return t, nil
}

// floats returns a copy of a tensor's elements, all of them finite.
func (w *weights) floats(name string, t *checkpoint.Tensor) ([]float32, error) {
	dst := make([]float32, t.Len())
	if err := t.CopyFloat32(dst); err != nil {
		return nil, err
	}
	if i := notFinite(dst); i >= 0 {
		return nil, w.notFinite(name, t.Shape, i, dst[i])
	}
	return dst, nil
}

// transposed returns a copy of a matrix [r, c] as [c, r].
func (w *weights) transposed(name string, t *checkpoint.Tensor) ([]float32, error) {
	dst := make([]float32, t.Len())
	if err := t.Transpose().CopyFloat32(dst); err != nil {
		return nil, err
	}
	if i := notFinite(dst); i >= 0 {
		rows, cols := t.Shape[0], t.Shape[1]
		return nil, w.notFinite(name, t.Shape, i%rows*cols+i/rows, dst[i])
	}
	return dst, nil
}

// notFinite returns the index of the first NaN or infinity, or -1.
func notFinite(a []float32) int {
	for i, v := range a {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
			return i
		}
	}
	return -1
}

// notFinite returns the error of a NaN or an infinity at an index in file order.
func (w *weights) notFinite(name string, shape []int, i int, v float32) error {
	what := "an infinity"
	if v != v {
		what = "a NaN"
	}
	if len(shape) == 2 {
		return w.wrong(name, "has %s in row %d, column %d", what, i/shape[1], i%shape[1])
	}
	return w.wrong(name, "has %s in row %d", what, i)
}

// scalar returns the only element of a tensor.
func (w *weights) scalar(name, advice string) (float64, error) {
	v := w.values[name]
	t, ok := v.(*checkpoint.Tensor)
	if !ok {
		return 0, w.wrong(name, "is %s, not a tensor; %s", checkpoint.Kind(v), advice)
	}
	if n := t.Len(); n != 1 {
		return 0, w.wrong(name, "has %d elements, not one", n)
	}
	return t.Scalar()
}

var errZeroOutput = errors.New("output layer is all zeros, so that every view would be the zero vector")
