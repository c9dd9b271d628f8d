package embed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxTextFile bounds what is read of a model's text files, in bytes; the
// largest tokenizer.json we know of has 17 MB.
const maxTextFile = 256 << 20

// A folderFS reads the small files of a model folder.
type folderFS string

// path returns where a file of the folder lies.
func (dir folderFS) path(name string) string { return filepath.Join(string(dir), name) }

// has reports whether the folder holds the file.
func (dir folderFS) has(name string) bool {
	_, err := os.Stat(dir.path(name))
	return err == nil
}

// read returns a file's content. Its errors name the file.
func (dir folderFS) read(name string) ([]byte, error) {
	f, err := os.Open(dir.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxTextFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxTextFile {
		return nil, fmt.Errorf("%s: longer than %d bytes", name, maxTextFile)
	}
	return b, nil
}

// readJSON reads a JSON file into v; a file that is not there leaves v as it
// is, and ok is false. Its errors name the file.
func (dir folderFS) readJSON(name string, v any) (ok bool, err error) {
	b, err := dir.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}
