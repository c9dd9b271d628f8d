package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// headerSize is the length of every header written here: room for the largest
// shape, and a multiple of the 64 bytes to which NumPy aligns data.
const headerSize = 128

// encodeHeader makes a header of version 1.0 for a matrix of '<f4' in C order.
func encodeHeader(rows, cols int) []byte {
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols)
	length := headerSize - len(magic) - 4
	h := append([]byte(magic), 1, 0)
	h = binary.LittleEndian.AppendUint16(h, uint16(length))
	h = append(h, dict...)
	h = append(h, strings.Repeat(" ", length-len(dict)-1)...)
	return append(h, '\n')
}

// Write writes rows, all of one length, as a matrix of float32 in little-endian
// C order, a file of 128 + 4 × rows × columns bytes. A value that is NaN or
// infinite is a [ValueError], for [File.Read] would refuse it.
func Write(w io.Writer, rows [][]float32) error {
	if len(rows) == 0 {
		return errors.New("npy: no rows, so the number of columns is unknown")
	}
	if len(rows[0]) == 0 {
		return errors.New("npy: rows of no columns")
	}
	if _, err := w.Write(encodeHeader(len(rows), len(rows[0]))); err != nil {
		return err
	}
	body := &rowWriter{w: w, cols: len(rows[0])}
	for _, row := range rows {
		if err := body.write(row); err != nil {
			return err
		}
	}
	return nil
}

// A Writer writes a matrix of float32 row by row when the number of rows is
// not known beforehand. It is for one goroutine.
type Writer struct {
	w      io.WriteSeeker
	start  int64
	buffer *bufio.Writer
	rows   rowWriter
}

// NewWriter begins a matrix of cols columns at the present position of w. The
// header says 0 rows until [Writer.Close] has put the number in; a file that
// was not closed is therefore refused by [Open] if any row was written.
func NewWriter(w io.WriteSeeker, cols int) (*Writer, error) {
	if cols <= 0 {
		return nil, fmt.Errorf("npy: %d columns", cols)
	}
	start, err := w.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(encodeHeader(0, cols)); err != nil {
		return nil, err
	}
	buffer := bufio.NewWriterSize(w, 1<<16)
	return &Writer{w: w, start: start, buffer: buffer, rows: rowWriter{w: buffer, cols: cols}}, nil
}

// WriteRow appends a row. NaN and infinity are a [ValueError], and nothing of
// that row is written.
func (w *Writer) WriteRow(row []float32) error { return w.rows.write(row) }

// Close writes what is buffered and the number of rows, and leaves the
// position behind the last row. It does not close what it writes to.
func (w *Writer) Close() error {
	if err := w.buffer.Flush(); err != nil {
		return err
	}
	if _, err := w.w.Seek(w.start, io.SeekStart); err != nil {
		return err
	}
	if _, err := w.w.Write(encodeHeader(w.rows.n, w.rows.cols)); err != nil {
		return err
	}
	_, err := w.w.Seek(w.start+headerSize+int64(w.rows.n)*int64(w.rows.cols)*4, io.SeekStart)
	return err
}

// A rowWriter checks and encodes rows of one length.
type rowWriter struct {
	w     io.Writer
	cols  int
	n     int // rows written
	bytes []byte
}

func (r *rowWriter) write(row []float32) error {
	if len(row) != r.cols {
		return fmt.Errorf("npy: row %d has %d columns, not %d", r.n, len(row), r.cols)
	}
	r.bytes = r.bytes[:0]
	for col, v := range row {
		if _, reason := narrow(float64(v)); reason != "" {
			return &ValueError{"npy", r.n, col, reason}
		}
		r.bytes = binary.LittleEndian.AppendUint32(r.bytes, math.Float32bits(v))
	}
	if _, err := r.w.Write(r.bytes); err != nil {
		return err
	}
	r.n++
	return nil
}
