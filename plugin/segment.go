package plugin

import (
	"bufio"
	"io"
	"os"

	zap "github.com/blevesearch/zapx/v17"
)

// A featured segment knows the codes of its documents.
type featured interface {
	features() *features
}

// A memorySegment is zap's segment in memory with a section beside it.
type memorySegment struct {
	zapMemory
	virtual
}

// zapMemory puts zap's methods below those of virtual, as zap.Segment does.
type zapMemory struct{ *zap.SegmentBase }

// A diskSegment is zap's segment on disk with the section in the same file.
// The section lies in zap's memory map and lives as long.
type diskSegment struct {
	*zap.Segment
	virtual
}

// Size returns the bytes of memory that the segment takes.
func (s *memorySegment) Size() int { return s.SegmentBase.Size() + len(s.codes.raw) }

// Persist writes the segment to a file, which it removes on an error.
func (s *memorySegment) Persist(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = closeFile(f, err) }()
	if _, err := s.WriteTo(f); err != nil {
		return err
	}
	return f.Sync()
}

// closeFile closes a file and removes it if anything went wrong.
func closeFile(f *os.File, err error) error {
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// WriteTo writes the file that Persist would.
func (s *memorySegment) WriteTo(w io.Writer) (int64, error) {
	buffer := bufio.NewWriterSize(w, 1<<16)
	sum := &sumWriter{w: buffer}
	holding := &holdingWriter{w: sum}
	if _, err := s.SegmentBase.WriteTo(holding); err != nil {
		return sum.n, err
	}
	err := writeGraft(sum, holding.held, s.codes.lost, func(w io.Writer) (int64, error) {
		n, err := w.Write(s.codes.raw)
		return int64(n), err
	})
	if err != nil {
		return sum.n, err
	}
	return sum.n, buffer.Flush()
}
