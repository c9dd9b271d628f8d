package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/steersight/steersight/internal/atomicfile"
)

// An input is read, and knows how much of it has been.
type input struct {
	io.Reader
	close func() error
	name  string // what errors call it
	size  int64  // in bytes, 0 where that is not known
	read  int64
}

func (in *input) Read(b []byte) (int, error) {
	n, err := in.Reader.Read(b)
	in.read += int64(n)
	return n, err
}

// progress returns how many bytes have been read, and of how many.
func (in *input) progress() (read, size int64) { return in.read, in.size }

// openInput opens a file to read, or standard input for "-".
func openInput(path string, stdin io.Reader) (*input, error) {
	if path == "-" {
		return &input{Reader: stdin, close: func() error { return nil }, name: "standard input"}, nil
	}
	if path == "" {
		return nil, errors.New("the input file has no name")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: a folder, not a file of JSON lines", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &input{Reader: file, close: file.Close, name: path, size: info.Size()}, nil
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
	if path == "" {
		return nil, errors.New("the output file has no name")
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
