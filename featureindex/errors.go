package featureindex

import (
	"errors"
	"fmt"
)

var (
	// ErrOptions is returned when Options cannot describe a section.
	ErrOptions = errors.New("options")
	// ErrDocument is returned by Builder.Add for a document whose codes or
	// vectors are not what the Options declare.
	ErrDocument = errors.New("document")
	// ErrQuery is returned by the kernels for terms or vectors that no query
	// can have: duplicates, features beyond the section's, values that are not
	// finite.
	ErrQuery = errors.New("query")
	// ErrTooLarge is returned when a section would pass a limit of the format.
	ErrTooLarge = errors.New("section too large")
	// ErrMismatch is returned by Merge for sections with different Options.
	ErrMismatch = errors.New("sections differ")
	// ErrMap is returned by Merge for document maps that are not a
	// concatenation of the inputs.
	ErrMap = errors.New("document map")
	// ErrCanceled is returned by Merge when its cancel channel closes.
	ErrCanceled = errors.New("merge canceled")
	// ErrNotSection is returned by Open for bytes that do not end in a
	// section's trailer.
	ErrNotSection = errors.New("not a feature section")
	// ErrVersion is returned by Open for a section that needs a newer reader.
	ErrVersion = errors.New("format version not supported")
)

// A CorruptionError tells which part of a section is damaged, and where.
type CorruptionError struct {
	Section string // "header", "postings of union", "trailer"
	Offset  int64  // in bytes from the start of the section, -1 where there is none to name
	Err     error
}

// Error returns one line: section, offset, cause.
func (e *CorruptionError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("feature section: %s: %v", e.Section, e.Err)
	}
	return fmt.Sprintf("feature section: %s at byte %d: %v", e.Section, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *CorruptionError) Unwrap() error { return e.Err }

// corrupt returns a CorruptionError with a formatted cause.
func corrupt(section string, offset int64, format string, args ...any) error {
	return &CorruptionError{Section: section, Offset: offset, Err: fmt.Errorf(format, args...)}
}
