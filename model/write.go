package model

import (
	"bufio"
	"errors"
	"fmt"
	"math"

	"github.com/steersight/steersight/internal/atomicfile"
	"github.com/steersight/steersight/internal/checkpoint"
)

// WriteSAE writes an SAE as a safetensors file that ReadSAE reads back equal.
// The file is there in full or not at all.
func WriteSAE(path string, s *SAE) error {
	if err := s.check(); err != nil {
		return &FileError{File: path, Err: err}
	}
	return writeFile(path, []checkpoint.Entry{
		{Name: "encoder.weight", Shape: []int{s.Features, s.Dim}, Float32: s.EncoderWeight},
		{Name: "encoder.bias", Shape: []int{s.Features}, Float32: s.EncoderBias},
		{Name: "decoder.weight", Shape: []int{s.Dim, s.Features}, Float32: transpose(s.Decoder, s.Features, s.Dim)},
		{Name: "b_dec", Shape: []int{s.Dim}, Float32: s.DecoderBias},
		{Name: "k", Int32: []int32{int32(s.K)}},
		{Name: "threshold", Float32: []float32{s.Threshold}},
	})
}

// WriteInternalizer writes an internalizer as a safetensors file that
// ReadInternalizer reads back equal. The file is there in full or not at all.
func WriteInternalizer(path string, r *Internalizer) error {
	if err := r.check(); err != nil {
		return &FileError{File: path, Err: err}
	}
	return writeFile(path, []checkpoint.Entry{
		{Name: "net.0.weight", Shape: []int{r.Hidden, r.Dim}, Float32: r.W1},
		{Name: "net.0.bias", Shape: []int{r.Hidden}, Float32: r.B1},
		{Name: "net.2.weight", Shape: []int{r.Dim, r.Hidden}, Float32: r.W2},
		{Name: "net.2.bias", Shape: []int{r.Dim}, Float32: r.B2},
	})
}

// writeFile writes a safetensors file.
func writeFile(path string, entries []checkpoint.Entry) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := checkpoint.WriteSafetensors(w, entries); err != nil {
		return &FileError{File: path, Err: err}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Commit()
}

// transpose returns a matrix [rows, cols] as [cols, rows].
func transpose(a []float32, rows, cols int) []float32 {
	const tile = 16 // columns at a time, so that reads and writes keep to cache lines
	b := make([]float32, len(a))
	for j := 0; j < cols; j += tile {
		for i := range rows {
			for c := j; c < min(j+tile, cols); c++ {
				b[c*rows+i] = a[i*cols+c]
			}
		}
	}
	return b
}

// check returns an error if ReadSAE would not accept the SAE.
func (s *SAE) check() error {
	switch {
	case s.Dim < 1 || s.Features < 1 || s.Features > math.MaxInt32:
		return fmt.Errorf("an SAE of %d features over %d dimensions cannot be written", s.Features, s.Dim)
	case s.K < 1 || s.K > s.Features:
		return fmt.Errorf("k is %d, not in 1..%d, the number of features", s.K, s.Features)
	case notFinite([]float32{s.Threshold}) >= 0:
		return errors.New("threshold is not finite")
	}
	return checkSlices(
		named{"encoder.weight", s.EncoderWeight, []int{s.Features, s.Dim}},
		named{"encoder.bias", s.EncoderBias, []int{s.Features}},
		named{"decoder.weight", s.Decoder, []int{s.Features, s.Dim}},
		named{"b_dec", s.DecoderBias, []int{s.Dim}})
}

// check returns an error if ReadInternalizer would not accept the internalizer.
func (r *Internalizer) check() error {
	if r.Dim < 1 || r.Hidden < 1 {
		return fmt.Errorf("an internalizer of width %d over %d dimensions cannot be written", r.Hidden, r.Dim)
	}
	if allZero(r.W2) && allZero(r.B2) {
		return errZeroOutput
	}
	return checkSlices(
		named{"net.0.weight", r.W1, []int{r.Hidden, r.Dim}},
		named{"net.0.bias", r.B1, []int{r.Hidden}},
		named{"net.2.weight", r.W2, []int{r.Dim, r.Hidden}},
		named{"net.2.bias", r.B2, []int{r.Dim}})
}

// named is a slice of weights with the shape that it should have.
type named struct {
	name  string
	a     []float32
	shape []int
}

func checkSlices(all ...named) error {
	for _, v := range all {
		want := 1
		for _, d := range v.shape {
			want *= d
		}
		if len(v.a) != want {
			return fmt.Errorf("%s has %d numbers, not %d", v.name, len(v.a), want)
		}
		if i := notFinite(v.a); i >= 0 {
			return fmt.Errorf("%s has a NaN or an infinity at index %d", v.name, i)
		}
	}
	return nil
}
