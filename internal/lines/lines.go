// Package lines reads text line by line as Python's text files do: a line ends
// with \n, \r\n or a lone \r, and lines may be long.
package lines

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxLength bounds the memory that one line can take, in bytes.
const MaxLength = 256 << 20

// ErrTooLong is returned for a line of more than MaxLength bytes.
var ErrTooLong = errors.New("a line of more than 256 MiB")

// A Reader reads lines. Its memory is that of the longest line.
type Reader struct {
	src    *bufio.Reader
	line   []byte
	number int
	max    int
}

// NewReader returns a Reader of src.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: bufio.NewReaderSize(src, 1<<16), max: MaxLength}
}

// Next returns the next line without its end, valid until the following call.
// It returns io.EOF after the last line, which needs no end of its own.
func (r *Reader) Next() ([]byte, error) {
	r.line = r.line[:0]
	r.number++
	for {
		if _, err := r.src.Peek(1); err != nil {
			if err == io.EOF && len(r.line) > 0 {
				return r.line, nil
			}
			return nil, err
		}
		ready, _ := r.src.Peek(r.src.Buffered())
		end := bytes.IndexAny(ready, "\r\n")
		if end < 0 {
			end = len(ready)
		}
		if len(r.line)+end > r.max {
			return nil, ErrTooLong
		}
		r.line = append(r.line, ready[:end]...)
		ended := end < len(ready)
		wasCR := ended && ready[end] == '\r'
		r.src.Discard(end)
		if !ended {
			continue
		}
		r.src.Discard(1)
		if wasCR {
			r.dropLF()
		}
		return r.line, nil
	}
}

// dropLF passes the \n of a \r\n.
func (r *Reader) dropLF() {
	if next, err := r.src.Peek(1); err == nil && next[0] == '\n' {
		r.src.Discard(1)
	}
}

// Number is the number of the line that Next returned last, from 1.
func (r *Reader) Number() int { return r.number }
