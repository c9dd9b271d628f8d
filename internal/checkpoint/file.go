package checkpoint

import (
	"bytes"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/blevesearch/mmap-go"
)

// A File is an open checkpoint, mapped into memory. Its methods may be called
// by several goroutines, except for Close, which must come last: slices that
// Tensor.Float32 returned in place are gone after it.
type File struct {
	path   string
	format string
	data   []byte
	mapped mmap.MMap // what data is, nil where data is plain memory
	root   Value
	closed atomic.Bool
}

// Open maps a file, recognises its format from its content and reads its
// structure: directories, headers and pickles, not the elements of tensors.
// Errors are of type *CorruptionError where the content is at fault, and of
// type *fs.PathError where the file cannot be read.
func Open(path string) (*File, error) {
	f, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	if err := f.read(); err != nil {
		f.Close()
		return nil, inFile(err, path)
	}
	return f, nil
}

// Parse reads a checkpoint from memory, which must not change while the File
// is in use. The name stands for a path in messages.
func Parse(name string, data []byte) (*File, error) {
	f := &File{path: name, data: data}
	if err := f.read(); err != nil {
		return nil, inFile(err, name)
	}
	return f, nil
}

// mapFile maps a regular, non-empty file.
func mapFile(path string) (*File, error) {
	wrong := func(err error) (*File, error) { return nil, inFile(err, path) }
	// A pipe must be known before it is opened, for that may wait for ever.
	if info, err := os.Stat(path); err == nil {
		switch size := info.Size(); {
		case info.IsDir():
			return wrong(fmt.Errorf("%w: a directory", ErrNotCheckpoint))
		case !info.Mode().IsRegular():
			return wrong(fmt.Errorf("%w: not a regular file", ErrNotCheckpoint))
		case size == 0:
			return wrong(fmt.Errorf("%w: the file is empty", ErrNotCheckpoint))
		case int64(int(size)) != size:
			return wrong(fmt.Errorf("%w: %d bytes do not fit this machine's memory", ErrUnsupported, size))
		}
	}
	osFile, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer osFile.Close()
	m, err := mmap.Map(osFile, mmap.RDONLY, 0)
	if err != nil {
		return wrong(fmt.Errorf("cannot be mapped into memory: %w", err))
	}
	return &File{path: path, data: m, mapped: m}, nil
}

// read recognises the format and reads the root object.
func (f *File) read() (err error) {
	switch data := f.data; {
	case bytes.HasPrefix(data, []byte("PK")):
		f.format = "torch zip"
		f.root, err = openZip(f)
	case isSafetensors(data):
		f.format = "safetensors"
		f.root, err = openSafetensors(f)
	case isLegacy(data):
		f.format = "torch legacy"
		f.root, err = openLegacy(f)
	case isTar(data):
		err = fmt.Errorf("%w: the tar format of PyTorch before 0.1.10; save it again", ErrUnsupported)
	case bytes.HasPrefix(data, []byte("version https://git-lfs")):
		err = fmt.Errorf("%w: a Git LFS pointer, fetch the file that it points to", ErrNotCheckpoint)
	default:
		err = fmt.Errorf("%w: neither a torch file nor safetensors, begins with %q", ErrNotCheckpoint, data[:min(len(data), 16)])
	}
	return err
}

// Close releases the map. Tensors refuse to be read afterwards.
func (f *File) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	f.data = nil
	if f.mapped == nil {
		return nil
	}
	if err := f.mapped.Unmap(); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return nil
}

// Path returns the path or name as given to Open or Parse.
func (f *File) Path() string { return f.path }

// Format returns "torch zip", "torch legacy" or "safetensors".
func (f *File) Format() string { return f.format }

// Root returns the object that the file holds. A safetensors file holds a dict
// of tensors.
func (f *File) Root() Value { return f.root }

// StateDict returns the dict of weights: the root's entry state_dict, else its
// entry model_state_dict, else the root. An entry that is not a dict is passed
// over.
func (f *File) StateDict() (*Dict, error) {
	root, ok := f.root.(*Dict)
	if !ok {
		return nil, inFile(fmt.Errorf("%w: it holds %s", ErrNoDict, Kind(f.root)), f.path)
	}
	for _, key := range []string{"state_dict", "model_state_dict"} {
		v, _ := root.Get(key)
		if d, ok := v.(*Dict); ok {
			return d, nil
		}
	}
	return root, nil
}

// Names returns the names of the tensors in the state dict, in file order.
func (f *File) Names() []string {
	d, err := f.StateDict()
	if err != nil {
		return nil
	}
	var names []string
	for _, key := range d.Keys() {
		if v, _ := d.Get(key); isTensor(v) {
			names = append(names, key)
		}
	}
	return names
}

func isTensor(v Value) bool {
	_, ok := v.(*Tensor)
	return ok
}

// Tensor returns a tensor of the state dict.
func (f *File) Tensor(name string) (*Tensor, bool) {
	d, err := f.StateDict()
	if err != nil {
		return nil, false
	}
	v, _ := d.Get(name)
	t, ok := v.(*Tensor)
	return t, ok
}
