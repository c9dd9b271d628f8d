package featureindex

import (
	"encoding/binary"
	"unsafe"
)

// littleEndian tells whether this machine's byte order is the format's.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// fixed lists the items of which arrays in a section are made: values and
// structs of fixed size without padding.
type fixed interface {
	uint16 | uint32 | uint64 | int8 | float32 | run | entry | quantized
}

// array returns the items that lie in b, whose length is a multiple of theirs.
// They share memory with b where this machine's byte order and the address
// allow it, and are a copy elsewhere.
func array[T fixed](b []byte) []T {
	var item T
	size := int(unsafe.Sizeof(item))
	n := len(b) / size
	if n == 0 {
		return nil
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if littleEndian && uintptr(p)%unsafe.Alignof(item) == 0 {
		return unsafe.Slice((*T)(p), n)
	}
	items := make([]T, n)
	if littleEndian {
		copy(rawBytes(items), b)
		return items
	}
	if _, err := binary.Decode(b, binary.LittleEndian, items); err != nil {
		panic("featureindex: " + err.Error()) // a type of fixed size and n of them always decode
	}
	return items
}

// bytesOf returns items as they are written. They share memory where the byte
// order allows it.
func bytesOf[T fixed](items []T) []byte {
	if littleEndian {
		return rawBytes(items)
	}
	b, err := binary.Append(nil, binary.LittleEndian, items)
	if err != nil {
		panic("featureindex: " + err.Error()) // a type of fixed size always encodes
	}
	return b
}

// rawBytes returns the memory of items.
func rawBytes[T fixed](items []T) []byte {
	var item T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(items))), len(items)*int(unsafe.Sizeof(item)))
}
