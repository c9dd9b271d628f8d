package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// write puts a file into a fresh folder and returns its path.
func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.npy")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a file of the given data for the length of the test.
func open(t *testing.T, data []byte) *File {
	t.Helper()
	f, err := Open(write(t, data))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func dict(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
}

// encode lays values out as items of any type.
func encode[T any](order binary.ByteOrder, values []T) []byte {
	var b bytes.Buffer
	if err := binary.Write(&b, order, values); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestReadEveryType(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	want := []float32{1, -2, 0.5, 4, 5, -6}
	half := []uint16{0x3c00, 0xc000, 0x3800, 0x4400, 0x4500, 0xc600}
	double := []float64{1, -2, 0.5, 4, 5, -6}
	for descr, data := range map[string][]byte{
		"<f2": encode(little, half), ">f2": encode(big, half),
		"<f4": encode(little, want), ">f4": encode(big, want),
		"<f8": encode(little, double), ">f8": encode(big, double),
	} {
		f := open(t, npyFile(1, dict(descr, "False", "(3, 2)"), data))
		got := make([]float32, 6)
		if err := f.Read(0, 3, got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", descr, got, err)
		}
		if f.Rows() != 3 || f.Cols() != 2 || f.Dims() != 2 || f.Dtype() != descr {
			t.Errorf("%s: %d × %d, %d dimensions of %s", descr, f.Rows(), f.Cols(), f.Dims(), f.Dtype())
		}
	}
}

func TestReadInts(t *testing.T) {
	want := []int64{-1, 2, math.MaxInt32}
	short := []int32{-1, 2, math.MaxInt32}
	for descr, data := range map[string][]byte{
		"<i4": encode(binary.LittleEndian, short), ">i4": encode(binary.BigEndian, short),
		"<i8": encode(binary.LittleEndian, want), ">i8": encode(binary.BigEndian, want),
	} {
		f := open(t, npyFile(2, dict(descr, "False", "(3,)"), data))
		got := make([]int64, 2)
		if err := f.ReadInts(1, 3, got); err != nil || !slices.Equal(got, want[1:]) {
			t.Errorf("%s: %v, %v", descr, got, err)
		}
		var unsupported *UnsupportedError
		if err := f.Row(0, make([]float32, 1)); !errors.As(err, &unsupported) {
			t.Errorf("%s: floats read of whole numbers: %v", descr, err)
		}
	}
}

func TestFortranOrder(t *testing.T) {
	columns := encode(binary.LittleEndian, []float32{1, 3, 5, 2, 4, 6})
	f := open(t, npyFile(1, dict("<f4", "True", "(3, 2)"), columns))
	for i, want := range [][]float32{{1, 2}, {3, 4}, {5, 6}} {
		got := make([]float32, 2)
		if err := f.Row(i, got); err != nil || !slices.Equal(got, want) {
			t.Errorf("row %d: %v, %v", i, got, err)
		}
	}
}

func TestValueErrors(t *testing.T) {
	for reason, value := range map[string]float64{
		"NaN": math.NaN(), "infinity": math.Inf(1), "1e+39 overflows float32": 1e39,
	} {
		data := encode(binary.LittleEndian, []float64{1, 2, 3, value})
		f := open(t, npyFile(1, dict("<f8", "False", "(2, 2)"), data))
		if err := f.Row(0, make([]float32, 2)); err != nil {
			t.Errorf("%s: row 0: %v", reason, err)
		}
		err := f.Row(1, make([]float32, 2))
		var wrong *ValueError
		if !errors.As(err, &wrong) || wrong.Row != 1 || wrong.Column != 1 {
			t.Fatalf("%s: %v", reason, err)
		}
		if want := "file.npy: row 1, column 1: " + reason; !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q does not end in %q", err, want)
		}
	}
}

func TestLength(t *testing.T) {
	data := make([]byte, 24)
	for shape, want := range map[string]string{
		"(3, 2)":                            "",
		"(6,)":                              "",
		"(2, 2)":                            "8 bytes after the data",
		"(4, 2)":                            "file too short",
		"(4611686018427387904, 4)":          "file too short",
		"(4611686018427387904, 4294967296)": "file too short",
		"(0, 2)":                            "24 bytes after the data",
	} {
		_, err := Open(write(t, npyFile(1, dict("<f4", "False", shape), data)))
		var format *FormatError
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", shape, err)
		case want != "" && (!errors.As(err, &format) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", shape, err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, path := range []string{"-", t.TempDir()} {
		var unsupported *UnsupportedError
		if _, err := Open(path); !errors.As(err, &unsupported) {
			t.Errorf("%s: %v", path, err)
		}
	}
	var format *FormatError
	if _, err := Open(write(t, nil)); !errors.As(err, &format) {
		t.Errorf("empty file: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.npy")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestReadBounds(t *testing.T) {
	f := open(t, npyFile(1, dict("<f4", "False", "(3, 2)"), make([]byte, 24)))
	for _, test := range []struct{ from, to, length int }{
		{-1, 0, 2}, {2, 4, 4}, {2, 1, 0}, {3, 4, 2}, {0, 1, 1}, {0, 1, 3}, {0, 2, 2}, {0, 1, 0},
	} {
		if err := f.Read(test.from, test.to, make([]float32, test.length)); err == nil {
			t.Errorf("%+v was read", test)
		}
	}
	if err := f.Read(3, 3, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func TestCloseWhileReading(t *testing.T) {
	f := open(t, npyFile(1, dict("<f4", "False", "(1000, 2)"), make([]byte, 8000)))
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			row := make([]float32, 2)
			for i := 0; ; i = (i + 1) % 1000 {
				if err := f.Row(i, row); err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	runtime.Gosched()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	readers.Wait()
	if err := f.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// A sparse file of 1 GiB opens and reads in little memory.
func TestMemoryDoesNotGrow(t *testing.T) {
	const rows, cols = 1 << 18, 1 << 10
	path := write(t, npyFile(1, dict("<f4", "False", fmt.Sprintf("(%d, %d)", rows, cols)), nil))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()+4*rows*cols); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	row := make([]float32, cols)
	used := allocated(func() {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, i := range []int{0, rows / 2, rows - 1} {
			if err := f.Row(i, row); err != nil {
				t.Error(err)
			}
		}
	})
	if used > 1<<17 { // 64 KiB of them for the header
		t.Errorf("%d bytes allocated", used)
	}
}

// allocated returns the bytes that run allocates.
func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzFile(f *testing.F) {
	f.Add(npyFile(1, dict("<f4", "False", "(3, 2)"), make([]byte, 24)))
	f.Add(npyFile(2, dict(">f8", "True", "(1, 2)"), make([]byte, 16)))
	f.Add(npyFile(3, dict("<i4", "False", "(2,)"), make([]byte, 8)))
	f.Add(npyFile(1, dict("<f2", "False", "(4611686018427387904, 4)"), nil))
	f.Add(npyFile(1, "{'descr': [('a', '<f4')], 'shape': ()", nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		used := allocated(func() { readAll(t, data) })
		if limit := uint64(1<<20 + 16*len(data)); used > limit {
			t.Errorf("%d bytes allocated for %d", used, len(data))
		}
	})
}

// readAll reads every row of a file if it can be opened at all.
func readAll(t *testing.T, data []byte) {
	file, err := newFile("fuzz.npy", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("error of several lines: %q", err)
		}
		return
	}
	if file.Rows() > len(data) || file.Cols() > max(len(data), maxEmptyCols) {
		t.Fatalf("%d × %d of %d bytes", file.Rows(), file.Cols(), len(data))
	}
	row, ints := make([]float32, min(file.Cols(), len(data))), make([]int64, min(file.Cols(), len(data)))
	for i := range file.Rows() {
		if file.header.dtype.kind == 'i' {
			err = file.ReadInts(i, i+1, ints)
		} else {
			err = file.Row(i, row)
		}
		if wrong := (*ValueError)(nil); err != nil && !errors.As(err, &wrong) {
			t.Fatal(err)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	const cols = 768
	for _, order := range []string{"False", "True"} {
		b.Run("fortran="+order, func(b *testing.B) {
			data := npyFile(1, dict("<f4", order, "(1000, 768)"), make([]byte, 4*1000*cols))
			f, err := newFile("bench.npy", bytes.NewReader(data), int64(len(data)))
			if err != nil {
				b.Fatal(err)
			}
			row := make([]float32, cols)
			b.SetBytes(4 * cols)
			for i := 0; b.Loop(); i++ {
				if err := f.Row(i%1000, row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
