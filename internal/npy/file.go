package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
)

// chunk is about how many bytes are read from a file at once.
const chunk = 1 << 20

// A File is an open .npy file. It may be used by several goroutines at once.
type File struct {
	name       string
	header     header
	rows, cols int
	data       *io.SectionReader // the items
	closer     io.Closer
}

// Open opens the file at path and checks its header against its length. The
// values are checked as they are read. The caller closes the file.
func Open(path string) (*File, error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f, err := newFile(path, file, info.Size())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f.closer = file
	return f, nil
}

// checkRegular refuses what has no rows to seek, before it is opened: opening a
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

// newFile makes a File of the size bytes of a whole .npy file.
func newFile(name string, src io.ReaderAt, size int64) (*File, error) {
	beginning := make([]byte, min(size, maxHeader+12))
	if _, err := src.ReadAt(beginning, 0); err != nil && err != io.EOF {
		return nil, err
	}
	h, err := parseHeader(beginning)
	if errors.Is(err, errUnsupported) {
		return nil, &UnsupportedError{name, err.Error()}
	}
	if err != nil {
		return nil, &FormatError{name, err.Error()}
	}
	f := &File{name: name, header: h, rows: h.shape[0], cols: 1}
	f.data = io.NewSectionReader(src, int64(h.size), size-int64(h.size))
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
	if have := uint64(f.data.Size()); high1 != 0 || high2 != 0 || want > have {
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
	if f.header.dtype.name == "<f4" && !f.header.fortran {
		return f.readFloat32(from, to, dst)
	}
	return f.each('f', from, to, len(dst), func(n, row, col int, item []byte) error {
		value, reason := narrow(f.header.dtype.float(item))
		if reason != "" {
			return &ValueError{f.name, row, col, reason}
		}
		dst[n] = value
		return nil
	})
}

// readFloat32 is Read for the most common kind of file, several times as fast.
func (f *File) readFloat32(from, to int, dst []float32) error {
	if err := f.checkRead('f', from, to, len(dst)); err != nil {
		return err
	}
	buf := make([]byte, min(4*len(dst), chunk))
	for done := 0; done < len(dst); {
		part := buf[:min(len(buf), 4*(len(dst)-done))]
		if err := f.readAt(part, 4*(from*f.cols+done)); err != nil {
			return err
		}
		for ; len(part) > 0; part = part[4:] {
			x := math.Float32frombits(binary.LittleEndian.Uint32(part))
			if x-x != 0 { // NaN or infinite
				_, reason := narrow(float64(x))
				return &ValueError{f.name, from + done/f.cols, done % f.cols, reason}
			}
			dst[done] = x
			done++
		}
	}
	return nil
}

// ReadInts is Read for files of whole numbers.
func (f *File) ReadInts(from, to int, dst []int64) error {
	return f.each('i', from, to, len(dst), func(n, _, _ int, item []byte) error {
		dst[n] = f.header.dtype.int(item)
		return nil
	})
}

// each calls visit for every item of the rows [from, to), row by row; n counts
// the items from 0.
func (f *File) each(kind byte, from, to, length int, visit func(n, row, col int, item []byte) error) error {
	if err := f.checkRead(kind, from, to, length); err != nil {
		return err
	}
	size := f.header.dtype.size
	step := max(1, chunk/(f.cols*size))
	buf := make([]byte, min(step, to-from)*f.cols*size)
	for first := from; first < to; first += step {
		rows := min(step, to-first)
		if err := f.readChunk(buf[:rows*f.cols*size], first, rows); err != nil {
			return err
		}
		rowStride, colStride := f.cols, 1
		if f.header.fortran {
			rowStride, colStride = 1, rows
		}
		for row := range rows {
			for col := range f.cols {
				at := (row*rowStride + col*colStride) * size
				if err := visit((first-from+row)*f.cols+col, first+row, col, buf[at:at+size]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// readChunk reads rows from first on into buf, one column after the other in
// Fortran order.
func (f *File) readChunk(buf []byte, first, rows int) error {
	size := f.header.dtype.size
	if !f.header.fortran {
		return f.readAt(buf, first*f.cols*size)
	}
	for col := range f.cols {
		if err := f.readAt(buf[col*rows*size:][:rows*size], (col*f.rows+first)*size); err != nil {
			return err
		}
	}
	return nil
}

// readAt fills buf. A file that has become shorter since it was opened is an
// error.
func (f *File) readAt(buf []byte, at int) error {
	_, err := f.data.ReadAt(buf, int64(at))
	if err == io.EOF {
		return &FormatError{f.name, "the file became shorter while it was read"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// checkRead refuses a read of the wrong kind, outside the rows, or into a
// slice of another length.
func (f *File) checkRead(kind byte, from, to, length int) error {
	switch {
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

// Close closes the file. Later reads fail with an error that is
// [os.ErrClosed]; closing again does nothing.
func (f *File) Close() error {
	if err := f.closer.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
