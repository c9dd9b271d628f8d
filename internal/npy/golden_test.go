package npy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The files in testdata were written by numpy.save and, for versions 2.0 and
// 3.0, numpy.lib.format.write_array of NumPy 2.4.6; see testdata/README.md.

var golden = []float32{1, -2, 0.5, 4, 5, -6}

func TestGoldenFloats(t *testing.T) {
	for _, name := range []string{"f2", "f4", "f8", "f4-big", "f4-fortran", "f4-v2", "f4-v3"} {
		f, err := Open(filepath.Join("testdata", name+".npy"))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		got := make([]float32, 6)
		if err := f.Read(0, 2, got); err != nil || f.Cols() != 3 || !slices.Equal(got, golden) {
			t.Errorf("%s: %v of %d columns, %v", name, got, f.Cols(), err)
		}
	}
}

func TestGoldenInts(t *testing.T) {
	for name, want := range map[string][]int64{"i4": {1, -2, 3}, "i8": {1, -2, 3, 4}} {
		f, err := Open(filepath.Join("testdata", name+".npy"))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		got := make([]int64, len(want))
		if err := f.ReadInts(0, f.Rows(), got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestGoldenRefused(t *testing.T) {
	for _, name := range []string{"object", "record", "bool", "text"} {
		var unsupported *UnsupportedError
		if _, err := Open(filepath.Join("testdata", name+".npy")); !errors.As(err, &unsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Write makes the bytes that NumPy makes.
func TestGoldenWrite(t *testing.T) {
	want, err := os.ReadFile("testdata/f4.npy")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, [][]float32{golden[:3], golden[3:]}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("written %q, want %q", b.Bytes(), want)
	}
}
