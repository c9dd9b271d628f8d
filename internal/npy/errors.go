package npy

import "fmt"

// A FormatError is returned when the bytes of a file are not a whole .npy
// file: no magic, an unknown version, a header that does not parse, or data
// of another length than the header declares.
type FormatError struct {
	File   string
	Reason string
}

func (e *FormatError) Error() string { return e.File + ": " + e.Reason }

// An UnsupportedError is returned when a file is sound .npy but holds what
// this package does not read, or not what the caller asked for: objects,
// records, complex numbers, three dimensions, floats where whole numbers were
// wanted.
type UnsupportedError struct {
	File   string
	Reason string
}

func (e *UnsupportedError) Error() string { return e.File + ": " + e.Reason }

// A ValueError is returned when one value of a matrix cannot be a component of
// a vector: NaN, an infinity, or beyond the range of float32. Row and Column
// count from 0.
type ValueError struct {
	File        string
	Row, Column int
	Reason      string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s: row %d, column %d: %s", e.File, e.Row, e.Column, e.Reason)
}
