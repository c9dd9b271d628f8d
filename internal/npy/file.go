package npy

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"sync"

	"github.com/blevesearch/mmap-go"
)

// A File is an open .npy file. It may be used by several goroutines at once.
type File struct {
	name       string
	header     header
	rows, cols int

	mu     sync.RWMutex // held for reading while data is read, for writing by Close
	data   []byte       // the items; nil once closed
	mapped mmap.MMap    // the whole file; nil for bytes that came from elsewhere
	file   *os.File
}

// Open maps the file at path and checks its header against its length. The
// values are checked as they are read. The caller closes the file.
func Open(path string) (*File, error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	mapped, err := mmap.Map(file, mmap.RDONLY, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: map: %w", path, err), file.Close())
	}
	f, err := newFile(path, mapped)
	if err != nil {
		return nil, errors.Join(err, mapped.Unmap(), file.Close())
	}
	f.mapped, f.file = mapped, file
	return f, nil
}

// checkRegular refuses what cannot be mapped, before it is opened: opening a
// pipe would wait for its writer.
func checkRegular(path string) error {
	if path == "-" {
		return &UnsupportedError{path, "standard input is not read, give a file"}
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &UnsupportedError{path, "not a regular file: pipes and folders are not read"}
	}
	if info.Size() == 0 {
		return &FormatError{path, "empty file"}
	}
	return nil
}

// newFile makes a File of the bytes of a whole .npy file.
func newFile(name string, data []byte) (*File, error) {
	h, err := parseHeader(data)
	if errors.Is(err, errUnsupported) {
		return nil, &UnsupportedError{name, err.Error()}
	}
	if err != nil {
		return nil, &FormatError{name, err.Error()}
	}
	f := &File{name: name, header: h, rows: h.shape[0], cols: 1, data: data[h.size:]}
	if len(h.shape) == 2 {
		f.cols = h.shape[1]
	}
	return f, f.checkLength()
}

// checkLength compares the declared length of the data with the real one; a
// product that overflows is longer than any file.
func (f *File) checkLength() error {
	high1, items := bits.Mul64(uint64(f.rows), uint64(f.cols))
	high2, want := bits.Mul64(items, uint64(f.header.dtype.size))
	if have := uint64(len(f.data)); high1 != 0 || high2 != 0 || want > have {
		return &FormatError{f.name, fmt.Sprintf("file too short: shape %v of %s needs more than the %d bytes of data",
			f.header.shape, f.header.dtype.name, have)}
	} else if want < have {
		return &FormatError{f.name, fmt.Sprintf("%d bytes after the data", have-want)}
	}
	return nil
}

// Rows is the number of rows, or the length of an array of one dimension.
func (f *File) Rows() int { return f.rows }

// Cols is the length of a row; 1 for an array of one dimension.
func (f *File) Cols() int { return f.cols }

// Dims is the number of dimensions, 1 or 2.
func (f *File) Dims() int { return len(f.header.shape) }

// Dtype is the type of the items as NumPy writes it, such as "<f4".
func (f *File) Dtype() string { return f.header.dtype.name }

// Row reads row i, counted from 0, into dst, which has length Cols.
func (f *File) Row(i int, dst []float32) error { return f.Read(i, i+1, dst) }

// Read reads the rows from up to but without to into dst, row by row; dst has
// length (to-from) × Cols. Float64 is rounded to float32. A value that is NaN,
// infinite or beyond float32 is a [ValueError] and leaves dst part filled.
func (f *File) Read(from, to int, dst []float32) error {
	return f.each('f', from, to, len(dst), func(n, row, col int, item []byte) error {
		value, reason := narrow(f.header.dtype.float(item))
		if reason != "" {
			return &ValueError{f.name, row, col, reason}
		}
		dst[n] = value
		return nil
	})
}

// ReadInts is Read for files of whole numbers.
func (f *File) ReadInts(from, to int, dst []int64) error {
	return f.each('i', from, to, len(dst), func(n, _, _ int, item []byte) error {
		dst[n] = f.header.dtype.int(item)
		return nil
	})
}

// each calls visit for every item of the rows [from, to), row by row; n counts
// the items from 0. It reads one item after the other in C order and strides
// over the columns in Fortran order.
func (f *File) each(kind byte, from, to, length int, visit func(n, row, col int, item []byte) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if err := f.checkRead(kind, from, to, length); err != nil {
		return err
	}
	size, rowStride, colStride := f.header.dtype.size, f.cols, 1
	if f.header.fortran {
		rowStride, colStride = 1, f.rows
	}
	n := 0
	for row := from; row < to; row++ {
		for col := range f.cols {
			at := (row*rowStride + col*colStride) * size
			if err := visit(n, row, col, f.data[at:at+size]); err != nil {
				return err
			}
			n++
		}
	}
	return nil
}

// checkRead refuses a read of the wrong kind, outside the rows, into a slice
// of another length, or after Close.
func (f *File) checkRead(kind byte, from, to, length int) error {
	switch {
	case f.data == nil:
		return fmt.Errorf("%s: %w", f.name, os.ErrClosed)
	case f.header.dtype.kind != kind:
		want := map[byte]string{'f': "floats", 'i': "whole numbers"}[kind]
		return &UnsupportedError{f.name, fmt.Sprintf("holds %s, not %s", f.header.dtype.name, want)}
	case from < 0 || to < from || to > f.rows:
		return fmt.Errorf("%s: rows %d to %d of %d", f.name, from, to, f.rows)
	case length/f.cols != to-from || length%f.cols != 0:
		return fmt.Errorf("%s: %d values for %d rows of %d", f.name, length, to-from, f.cols)
	}
	return nil
}

// Close unmaps the file. Reads that are under way finish first; reads that
// come later fail with an error that is [os.ErrClosed].
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data = nil
	if f.mapped == nil {
		return nil
	}
	err := errors.Join(f.mapped.Unmap(), f.file.Close())
	f.mapped, f.file = nil, nil
	return err
}
