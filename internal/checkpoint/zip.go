package checkpoint

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
)

// torchZip is an opened archive as torch.save writes it.
type torchZip struct {
	file    *File
	prefix  string // folder that all entries lie in, with its slash
	entries map[string]*zip.File
	big     bool
	loaded  map[string]*storage
}

// openZip reads the root object of a torch zip archive.
func openZip(f *File) (Value, error) {
	r, err := zip.NewReader(bytes.NewReader(f.data), int64(len(f.data)))
	if err != nil {
		return nil, at("zip directory", -1, "cannot be read, as in a file that is cut short (%v)", err)
	}
	z := &torchZip{file: f, entries: make(map[string]*zip.File), loaded: make(map[string]*storage)}
	if err := z.directory(r.File); err != nil {
		return nil, err
	}
	if z.big, err = z.byteOrder(); err != nil {
		return nil, err
	}
	name := z.prefix + "data.pkl"
	pickle, pos, err := z.checked(name)
	if err != nil {
		return nil, err
	}
	u := &unpickler{data: pickle, section: entrySection(name), base: pos, persistent: z.storage}
	return u.run()
}

// entrySection names a zip entry in a message.
func entrySection(name string) string { return "entry " + printable(name) }

// directory checks the list of entries, used or not.
func (z *torchZip) directory(files []*zip.File) error {
	for _, e := range files {
		if _, ok := z.entries[e.Name]; ok {
			return at(entrySection(e.Name), -1, "is there twice")
		}
		z.entries[e.Name] = e
		folder, name, ok := strings.Cut(e.Name, "/")
		if ok && name == "data.pkl" {
			z.prefix = folder + "/"
		}
	}
	if z.prefix == "" {
		return at("zip directory", -1, "%w: has no entry data.pkl", ErrNotCheckpoint)
	}
	for _, e := range files {
		if err := z.entry(e); err != nil {
			return err
		}
	}
	return nil
}

// entry checks one entry of the directory.
func (z *torchZip) entry(e *zip.File) error {
	section := entrySection(e.Name)
	name, ok := strings.CutPrefix(e.Name, z.prefix)
	switch {
	case leavesArchive(e.Name):
		return at(section, -1, "path leaves the archive")
	case !ok:
		return at(section, -1, "lies outside the folder %s", printable(z.prefix))
	case name == "constants.pkl" || strings.HasPrefix(name, "code/"):
		return at(section, -1, "%w: a TorchScript archive; save a state_dict", ErrUnsupported)
	case e.Method != zip.Store:
		return at(section, -1, "%w: entry is compressed, torch never does that", ErrUnsupported)
	case e.Flags&1 != 0:
		return at(section, -1, "%w: entry is encrypted", ErrUnsupported)
	case e.CompressedSize64 != e.UncompressedSize64:
		return at(section, -1, "stored size %d is not the size %d", e.CompressedSize64, e.UncompressedSize64)
	}
	return nil
}

// leavesArchive reports whether a name would be a path outside of a folder.
func leavesArchive(name string) bool {
	if strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\:\x00") {
		return true
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// raw returns an entry's bytes within the map, and their place in the file.
func (z *torchZip) raw(name string) ([]byte, *zip.File, int64, error) {
	e, ok := z.entries[name]
	if !ok {
		return nil, nil, 0, at(entrySection(name), -1, "is missing")
	}
	pos, err := e.DataOffset()
	if err != nil {
		return nil, nil, 0, at(entrySection(name), -1, "has a damaged local header (%v)", err)
	}
	size := uint64(len(z.file.data))
	if pos < 0 || uint64(pos) > size || e.UncompressedSize64 > size-uint64(pos) {
		return nil, nil, 0, at(entrySection(name), pos, "%d bytes go past the end of the file", e.UncompressedSize64)
	}
	end := uint64(pos) + e.UncompressedSize64
	return z.file.data[pos:end:end], e, pos, nil
}

// checked returns an entry's bytes after a check of their CRC-32.
func (z *torchZip) checked(name string) ([]byte, int64, error) {
	b, e, pos, err := z.raw(name)
	if err != nil {
		return nil, 0, err
	}
	s := &storage{file: z.file, section: entrySection(name), pos: pos, raw: b, crc: e.CRC32, checked: true}
	b, err = s.bytes()
	return b, pos, err
}

// byteOrder reads the record that newer archives have; older ones are
// little-endian.
func (z *torchZip) byteOrder() (big bool, err error) {
	name := z.prefix + "byteorder"
	if _, ok := z.entries[name]; !ok {
		return false, nil
	}
	b, pos, err := z.checked(name)
	if err != nil {
		return false, err
	}
	switch string(b) {
	case "little":
		return false, nil
	case "big":
		return true, nil
	}
	return false, at(entrySection(name), pos, "byte order %s is neither little nor big", printable(string(b[:min(len(b), 100)])))
}

// storage returns the storage of a persistent id.
func (z *torchZip) storage(id Tuple) (Value, error) {
	sid, err := readStorageID(id)
	if err != nil {
		return nil, err
	}
	if s, ok := z.loaded[sid.key]; ok {
		return s, sameStorage(s, sid)
	}
	name := z.prefix + "data/" + sid.key
	b, e, pos, err := z.raw(name)
	if err != nil {
		return nil, err
	}
	if want := sid.elems * int64(sid.dtype.Size()); int64(len(b)) != want {
		return nil, at(entrySection(name), pos, "has %d bytes, not the %d of %d %s", len(b), want, sid.elems, sid.dtype)
	}
	s := &storage{
		file: z.file, section: entrySection(name), pos: pos, raw: b,
		key: sid.key, dtype: sid.dtype, elems: int(sid.elems), big: z.big,
		crc: e.CRC32, checked: true,
	}
	z.loaded[sid.key] = s
	return s, nil
}

// sameStorage returns an error if a storage is declared again, but differently.
func sameStorage(s *storage, sid storageID) error {
	if s.dtype != sid.dtype || int64(s.elems) != sid.elems {
		return fmt.Errorf("storage %s is declared as %d %s and as %d %s",
			printable(s.key), s.elems, s.dtype, sid.elems, sid.dtype)
	}
	return nil
}
