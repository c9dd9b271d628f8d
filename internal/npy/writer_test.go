package npy

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var matrix = [][]float32{{1, -2, 0.25}, {4, math.MaxFloat32, 6}}

func TestWriteThenRead(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, matrix); err != nil {
		t.Fatal(err)
	}
	checkMatrix(t, open(t, b.Bytes()), matrix)
}

func TestWriterMakesWhatWriteMakes(t *testing.T) {
	for n := range len(matrix) + 1 {
		path := filepath.Join(t.TempDir(), "rows.npy")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		w, err := NewWriter(file, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range matrix[:n] {
			if err := w.WriteRow(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkMatrix(t, f, matrix[:n])
	}
}

func checkMatrix(t *testing.T, f *File, want [][]float32) {
	t.Helper()
	if f.Rows() != len(want) || f.Cols() != 3 {
		t.Fatalf("%d × %d", f.Rows(), f.Cols())
	}
	for i := range want {
		got := make([]float32, 3)
		if err := f.Row(i, got); err != nil || !slices.Equal(got, want[i]) {
			t.Errorf("row %d: %v, %v", i, got, err)
		}
	}
}

func TestUnfinishedFileIsRefused(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "rows.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := NewWriter(file, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteRow(matrix[0]), w.buffer.Flush()); err != nil {
		t.Fatal(err)
	}
	var format *FormatError
	if _, err := Open(file.Name()); !errors.As(err, &format) {
		t.Errorf("opened: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, rows := range map[string][][]float32{
		"no rows": {}, "no columns": {{}}, "ragged": {{1, 2}, {3}},
		"NaN": {{float32(math.NaN())}}, "infinity": {{1}, {float32(math.Inf(-1))}},
	} {
		if err := Write(&bytes.Buffer{}, rows); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

// The largest shape fits the header, whose length aligns the data.
func TestHeaderLength(t *testing.T) {
	for _, rows := range []int{0, 1, math.MaxInt} {
		h := encodeHeader(rows, math.MaxInt)
		if len(h) != headerSize || h[len(h)-1] != '\n' {
			t.Errorf("%d rows: %q", rows, h)
		}
	}
}
