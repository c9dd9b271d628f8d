package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// A File is a file in the making. It is not safe for concurrent use.
type File struct {
	tmp    *os.File // nil after Commit or Close
	target string
}

// Create begins a file that Commit will put at path. An existing target must be
// a regular file and passes on its permissions; a new one gets 0644. A symbolic
// link stays, and the file that it points to is the target.
func Create(path string) (*File, error) {
	target, mode, err := resolve(path)
	if err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".tmp*")
	if err != nil {
		return nil, err
	}
	f := &File{tmp: tmp, target: target}
	if err := tmp.Chmod(mode); err != nil && runtime.GOOS != "windows" {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// resolve returns the target of a path and the permissions it is to have.
func resolve(path string) (string, fs.FileMode, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, 0o644, nil
	}
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, &fs.PathError{Op: "create", Path: path, Err: errors.New("not a regular file")}
	}
	return target, info.Mode().Perm(), nil
}

// Write writes to the temporary file.
func (f *File) Write(b []byte) (int, error) {
	if f.tmp == nil {
		return 0, f.done("write")
	}
	return f.tmp.Write(b)
}

// Seek sets where the next Write goes, as os.File.Seek does.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	if f.tmp == nil {
		return 0, f.done("seek")
	}
	return f.tmp.Seek(offset, whence)
}

// Commit puts the file in place. Where it fails, the target is as it was and
// the temporary file is gone.
func (f *File) Commit() error {
	if f.tmp == nil {
		return f.done("commit")
	}
	if err := f.tmp.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	tmp := f.tmp
	f.tmp = nil
	if err := tmp.Close(); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	if err := os.Rename(tmp.Name(), f.target); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncFolder(filepath.Dir(f.target))
}

// Close throws away what was written, unless Commit has put it in place. It may
// be called more than once.
func (f *File) Close() error {
	if f.tmp == nil {
		return nil
	}
	tmp := f.tmp
	f.tmp = nil
	return errors.Join(tmp.Close(), os.Remove(tmp.Name()))
}

// done is the error of a call after Commit or Close.
func (f *File) done(op string) error {
	return &fs.PathError{Op: op, Path: f.target, Err: fs.ErrClosed}
}

// syncFolder makes a rename last. Windows has no such call.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("file is in place, but its folder cannot be flushed: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("file is in place, but its folder cannot be flushed: %w", err)
	}
	return nil
}
