// Package npy reads and writes NumPy's .npy files: one array a file, the form
// in which vectors and codes made elsewhere are given to Steersight.
//
// A file is a magic string, a format version (1.0, 2.0 or 3.0), a header that
// is a Python dict literal naming the item type, the order and the shape, and
// the items. The format is NumPy's:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
// [Open] checks the header; rows are read on demand, about a megabyte at a
// time, so that memory does not grow with the matrix. Floats are float16,
// float32 or float64, whole numbers int32 or int64, in either byte order, in C
// or Fortran order, with one or two dimensions; everything else is refused by
// name. An array of one dimension is read as a matrix of one column.
//
// Caveats: pipes cannot be read at any row and are refused; .npz archives are
// not read.
//
// The package is our own because the readers at hand (github.com/sbinet/npyio,
// github.com/kshedden/gonpy) read whole arrays into memory and trust the shape
// in the header.
package npy
