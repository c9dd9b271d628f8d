package plugin

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFeatureIndex is returned for an index, or a reader, without
	// feature sections: one that Create did not make.
	ErrNotFeatureIndex = errors.New("not a feature index: create it with plugin.Create")
	// ErrOptions is returned when Options cannot describe an index, or when
	// they are not those of the index a Field goes to.
	ErrOptions = errors.New("feature options")
	// ErrField is returned by a batch with a document whose codes or vectors
	// are not what the Options declare. Nothing of the batch is indexed.
	ErrField = errors.New("feature field")
	// ErrQuery is returned for a query that cannot be answered: an unknown
	// view, a feature twice, a weight that is no number.
	ErrQuery = errors.New("feature query")
	// ErrWriterHook is returned when index.WriterHook is set, which would
	// leave the feature sections as the only readable part of a file.
	ErrWriterHook = errors.New("feature sections cannot pass index.WriterHook")
	// ErrSegment is returned by a merge of segments that are not zap's.
	ErrSegment = errors.New("foreign segment")
	// ErrClosed is returned by a Snapshot after Close, or without a search.
	ErrClosed = errors.New("no snapshot")
)

// A CorruptionError tells which part of a segment's file is damaged, and where.
type CorruptionError struct {
	File   string // its path; empty for a segment in memory
	Part   string // "file", "trailer", "section"
	Offset int64  // in bytes from the start of the file
	Err    error
}

// Error returns one line: file, part, offset, cause.
func (e *CorruptionError) Error() string {
	file := e.File
	if file == "" {
		file = "segment in memory"
	}
	return fmt.Sprintf("%s: %s at byte %d: %v", file, e.Part, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *CorruptionError) Unwrap() error { return e.Err }
