package corpus

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/steersight/steersight/internal/lines"
)

// source is a file of JSON lines being read.
type source struct {
	name    string
	lines   *lines.Reader
	closers []io.Closer
	read    counter
	size    int64 // of the file, compressed or not; 0 where not known
}

// counter counts the bytes that pass.
type counter struct {
	src io.Reader
	n   int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.src.Read(b)
	c.n += int64(n)
	return n, err
}

// open opens a file, standard input for "-", or the named file of a BEIR
// folder.
func open(path, inFolder string, stdin io.Reader) (*source, error) {
	if path == "-" {
		s := &source{name: "standard input"}
		s.read.src = stdin
		s.lines = lines.NewReader(&s.read)
		return s, nil
	}
	path, err := resolve(path, inFolder)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{name: path, closers: []io.Closer{file}}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		s.size = info.Size()
	}
	s.read.src = file
	var text io.Reader = &s.read
	if strings.HasSuffix(path, ".gz") {
		unzipped, err := gzip.NewReader(text)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
		}
		s.closers = append(s.closers, unzipped)
		text = unzipped
	}
	s.lines = lines.NewReader(text)
	return s, nil
}

// resolve finds a folder's file, plain or compressed.
func resolve(path, inFolder string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return path, nil
	}
	for _, ending := range []string{"", ".gz"} {
		file := filepath.Join(path, inFolder+ending)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: a folder without %s", path, inFolder)
}

// next returns the next line that is not blank, or io.EOF.
func (s *source) next() ([]byte, error) {
	for {
		line, err := s.lines.Next()
		if err == io.EOF {
			return nil, io.EOF
		}
		if err != nil {
			return nil, s.wrong(err)
		}
		if len(strings.TrimSpace(string(line))) > 0 {
			return line, nil
		}
	}
}

// wrong gives an error the place of the line that was read last.
func (s *source) wrong(err error) error {
	return fmt.Errorf("%s:%d: %w", s.name, s.lines.Number(), err)
}

// Progress returns how many bytes of the input have been read, and of how
// many; 0 where that is not known.
func (s *source) Progress() (read, size int64) { return s.read.n, s.size }

// Line is the number of the line that was read last, from 1.
func (s *source) Line() int { return s.lines.Number() }

// Close closes the input.
func (s *source) Close() error {
	var err error
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i].Close())
	}
	return err
}
