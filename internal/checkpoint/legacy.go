package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
)

// legacyMagic and legacyProtocol open a file of torch.save before PyTorch 1.6.
const (
	legacyMagic    = "1950a86a20f9469cfc6c" // hexadecimal
	legacyProtocol = 1001
)

// torchLegacy is a file of torch.save before PyTorch 1.6.
type torchLegacy struct {
	file     *File
	storages map[string]*storage
	order    []*storage // as first seen
	views    []*storageView
}

// A storageView is a storage that is part of another one, as PyTorch before
// 0.4 wrote.
type storageView struct {
	whole, part *storage
	offset      int64
}

// openLegacy reads five pickles: magic number, protocol version, system
// information, root object and the keys of the storages, whose bytes follow.
func openLegacy(f *File) (Value, error) {
	u := &unpickler{data: f.data}
	if err := legacyHeader(u); err != nil {
		return nil, err
	}
	l := &torchLegacy{file: f, storages: make(map[string]*storage)}
	u.section, u.persistent = "object", l.storage
	root, err := u.run()
	if err != nil {
		return nil, err
	}
	u.section, u.persistent = "storage keys", nil
	start := int64(u.pos)
	keys, err := u.run()
	if err != nil {
		return nil, err
	}
	list, ok := keys.(*List)
	if !ok {
		return nil, at("storage keys", start, "%s, not a list", Kind(keys))
	}
	if err := l.read(list, u.pos); err != nil {
		return nil, err
	}
	return root, nil
}

// legacyHeader reads the three pickles before the object. The system
// information has a flag little_endian, which says something about the writer
// and nothing about the file: storages are little-endian always.
func legacyHeader(u *unpickler) error {
	u.section = "magic number"
	magic, err := u.run()
	if err != nil {
		return err
	}
	if n, ok := magic.(*big.Int); !ok || n.Text(16) != legacyMagic {
		return at(u.section, 0, "%w: a bare pickle, not one that torch.save wrote", ErrNotCheckpoint)
	}
	start := int64(u.pos)
	u.section = "protocol version"
	version, err := u.run()
	if err != nil {
		return err
	}
	if n, ok := version.(int64); !ok || n != legacyProtocol {
		return at(u.section, start, "%w: not %d", ErrUnsupported, legacyProtocol)
	}
	start = int64(u.pos)
	u.section = "system information"
	info, err := u.run()
	if err != nil {
		return err
	}
	if _, ok := info.(*Dict); !ok {
		return at(u.section, start, "%s, not a dict", Kind(info))
	}
	return nil
}

// storage returns the storage of a persistent id; its bytes are found later.
func (l *torchLegacy) storage(id Tuple) (Value, error) {
	sid, err := readStorageID(id)
	if err != nil {
		return nil, err
	}
	s, ok := l.storages[sid.key]
	if !ok {
		if max := int64(len(l.file.data) / sid.dtype.Size()); sid.elems > max {
			return nil, fmt.Errorf("storage %s of %d %s is larger than the file", printable(sid.key), sid.elems, sid.dtype)
		}
		s = &storage{
			file: l.file, section: "storage " + printable(sid.key),
			key: sid.key, dtype: sid.dtype, elems: int(sid.elems),
		}
		l.storages[sid.key] = s
		l.order = append(l.order, s)
	} else if err := sameStorage(s, sid); err != nil {
		return nil, err
	}
	if sid.view == nil {
		return s, nil
	}
	return l.view(s, sid.view)
}

// view returns the part of a storage that a tuple (key, offset, elements) names.
func (l *torchLegacy) view(whole *storage, v Value) (Value, error) {
	t, _ := v.(Tuple)
	if len(t) != 3 {
		return nil, fmt.Errorf("view of storage %s cannot be read", printable(whole.key))
	}
	offset, ok1 := t[1].(int64)
	elems, ok2 := t[2].(int64)
	all := int64(whole.elems)
	if !ok1 || !ok2 || offset < 0 || elems < 0 || offset > all || elems > all-offset {
		return nil, fmt.Errorf("view of storage %s is out of bounds", printable(whole.key))
	}
	part := &storage{
		file: whole.file, section: whole.section,
		key: whole.key, dtype: whole.dtype, elems: int(elems),
	}
	l.views = append(l.views, &storageView{whole: whole, part: part, offset: offset})
	return part, nil
}

// read finds the bytes of the storages: for each key the number of elements as
// a little-endian int64, then the elements.
func (l *torchLegacy) read(keys *List, pos int) error {
	data := l.file.data
	for i, v := range keys.Items {
		key, ok := v.(string)
		if !ok {
			return at("storage keys", -1, "key %d is %s", i, Kind(v))
		}
		s, ok := l.storages[key]
		if !ok {
			return at("storage keys", -1, "storage %s belongs to no tensor", printable(key))
		}
		if s.raw != nil {
			return at("storage keys", -1, "storage %s is there twice", printable(key))
		}
		if len(data)-pos < 8 {
			return at(s.section, int64(pos), "size is cut short")
		}
		if n := binary.LittleEndian.Uint64(data[pos:]); n != uint64(s.elems) {
			return at(s.section, int64(pos), "has %d elements, its tensors say %d", n, s.elems)
		}
		pos += 8
		size := s.elems * s.dtype.Size()
		if rest := len(data) - pos; rest < size {
			return at(s.section, int64(pos), "is cut short: %d of %d bytes", rest, size)
		}
		s.pos, s.raw = int64(pos), data[pos:pos+size:pos+size]
		pos += size
	}
	for _, s := range l.order {
		if s.raw == nil {
			return at("storage keys", -1, "storage %s is missing", printable(s.key))
		}
	}
	for _, v := range l.views {
		size := v.whole.dtype.Size()
		from := int(v.offset) * size
		v.part.raw = v.whole.raw[from : from+v.part.elems*size]
		v.part.pos = v.whole.pos + int64(from)
	}
	return nil
}

// isLegacy reports whether data begins with a pickle: with the opcode of
// protocol 2 and later, or with the magic number as protocols 0 and 1 write it.
func isLegacy(data []byte) bool {
	return len(data) > 1 && data[0] == opProto && data[1] <= 5 ||
		strings.HasPrefix(string(data[:min(len(data), 32)]), legacyText)
}

// legacyText is the magic number in decimal digits.
const legacyText = "L119547037146038801333356L\n"

// isTar reports whether data begins with a tar header.
func isTar(data []byte) bool {
	return len(data) >= 512 && string(data[257:262]) == "ustar"
}
