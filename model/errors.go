package model

import (
	"errors"
	"fmt"
)

var (
	// ErrNoK is returned when an SAE checkpoint stores no k and none was given.
	ErrNoK = errors.New("has no k; give one with --k")
	// ErrNoThreshold is returned when an SAE checkpoint stores no threshold and
	// no k was given that would say that this is meant.
	ErrNoThreshold = errors.New("has no threshold; give k with --k to read it without one")
)

// A FileError tells what is wrong with a model's file, though it can be read
// as a checkpoint. Damage below that is a *checkpoint.CorruptionError.
type FileError struct {
	File   string
	Tensor string // under its name without prefixes; empty where the file as a whole is meant
	Err    error
}

// Error returns one line: file, tensor, cause.
func (e *FileError) Error() string {
	if e.Tensor == "" {
		return e.File + ": " + e.Err.Error()
	}
	return e.File + ": " + e.Tensor + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// wrongFile returns the error of a file or folder as a whole.
func wrongFile(path, format string, args ...any) error {
	return &FileError{File: path, Err: fmt.Errorf(format, args...)}
}
