package checkpoint

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotCheckpoint is returned when a file's first bytes belong to none of
	// the formats that this package reads.
	ErrNotCheckpoint = errors.New("not a checkpoint")
	// ErrUnsupported is returned when a file is sound as far as can be told,
	// but of a kind that is refused: TorchScript, the tar format, compressed
	// entries, element types without a float32 value.
	ErrUnsupported = errors.New("not supported")
	// ErrCall is returned when a pickle names a class or function that is not
	// on the short list of those that rebuild tensors.
	ErrCall = errors.New("a checkpoint may not call code")
	// ErrNoDict is returned by File.StateDict when the root object is not a
	// dict.
	ErrNoDict = errors.New("has no state dict")
	// ErrClosed is returned when a tensor is read after its File was closed.
	ErrClosed = errors.New("checkpoint is closed")
)

// A CorruptionError tells what is wrong with the bytes of a checkpoint, and
// where. Its cause is one of the sentinels of this package where a caller may
// want to tell them apart; otherwise the file is damaged.
type CorruptionError struct {
	File    string // path as given to Open
	Section string // zip entry, "header", "storage 3", "tensor b_dec"; may be empty
	Offset  int64  // byte offset in the file, -1 where there is none to name
	Err     error
}

// Error returns one line: file, section, offset, cause.
func (e *CorruptionError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Section != "" {
		b.WriteString(": " + e.Section)
	}
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " at byte %d", e.Offset)
	}
	b.WriteString(": " + e.Err.Error())
	return b.String()
}

// Unwrap returns the cause.
func (e *CorruptionError) Unwrap() error { return e.Err }

// at returns an error of a place whose file is filled in by Open. Names that
// come from the file must reach it through printable.
func at(section string, offset int64, format string, args ...any) error {
	return &CorruptionError{Section: section, Offset: offset, Err: fmt.Errorf(format, args...)}
}

// inFile fills in the file's name where err has a place without one.
func inFile(err error, path string) error {
	var c *CorruptionError
	if errors.As(err, &c) {
		if c.File == "" {
			c.File = path
		}
		return err
	}
	return &CorruptionError{File: path, Offset: -1, Err: err}
}

// printable returns a name of the file as it may stand in a message: as it is
// when short and plain, else quoted and cut.
func printable(s string) string {
	const most = 80
	cut := ""
	if len(s) > most {
		s, cut = s[:most], "…"
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return fmt.Sprintf("%q%s", s, cut)
		}
	}
	if s == "" {
		return `""`
	}
	return s + cut
}
