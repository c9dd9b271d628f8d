package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/steersight/steersight/internal/atomicfile"
)

// openInput opens a file to read, or standard input for "-", and says what
// errors should call it.
func openInput(path string, stdin io.Reader) (io.ReadCloser, string, error) {
	if path == "-" {
		return io.NopCloser(stdin), "standard input", nil
	}
	if isFolder(path) {
		return nil, "", fmt.Errorf("%s: a folder, not a file of JSON lines", path)
	}
	file, err := os.Open(path)
	return file, path, err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// An output is written to and then committed; closing it without that throws
// it away, where that is still possible.
type output interface {
	io.WriteCloser
	Commit() error
}

// createOutput begins a file, with the folders it needs, that appears whole on
// Commit or not at all. Standard output ("-"), pipes and devices take what is
// written at once: for those the exit code says whether it is whole.
func createOutput(path string, stdout io.Writer) (output, error) {
	if path == "-" {
		return stream{stdout, nil}, nil
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return stream{file, file}, nil
	}
	if isFolder(path) {
		return nil, fmt.Errorf("%s: a folder, not a file that can be written", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	return atomicfile.Create(path)
}

// stream is an output that cannot be taken back.
type stream struct {
	io.Writer
	closer io.Closer
}

func (s stream) Commit() error { return nil }

func (s stream) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}
