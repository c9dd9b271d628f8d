package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// maxDims is the most dimensions a tensor may have, as in PyTorch.
const maxDims = 64

// A Tensor is a view of a storage of an open File. It is valid until the File
// is closed, and safe for use by several goroutines.
type Tensor struct {
	Name  string // key under which it was found
	DType DType
	Shape []int // none for a scalar

	strides []int // in elements, one a dimension
	offset  int   // of the first element, in elements
	st      *storage
}

// A storage is the bytes that tensors are views of.
type storage struct {
	file    *File
	section string
	pos     int64  // of raw in the file
	raw     []byte // within the map
	key     string
	dtype   DType
	elems   int
	big     bool   // elements are big-endian
	crc     uint32 // of raw, where checked
	checked bool

	once sync.Once
	err  error
}

// bytes returns the raw bytes, after their checksum was found right once.
func (s *storage) bytes() ([]byte, error) {
	if s.file.closed.Load() {
		return nil, ErrClosed
	}
	s.once.Do(func() {
		if !s.checked {
			return
		}
		if sum := crc32.ChecksumIEEE(s.raw); sum != s.crc {
			err := at(s.section, s.pos, "crc-32 of the bytes is %08x, the zip directory says %08x", sum, s.crc)
			s.err = inFile(err, s.file.path)
		}
	})
	return s.raw, s.err
}

// newTensor returns a view of s, or an error where it would reach outside s. A
// view that repeats elements may have as many as the file has bytes, lest its
// copy be out of proportion.
func newTensor(s *storage, dtype DType, offset int64, shape, strides []int) (*Tensor, error) {
	elems := int64(s.elems)
	if dtype != s.dtype {
		size := int64(dtype.Size())
		if s.dtype != Uint8 || size == 0 {
			return nil, fmt.Errorf("%s view of a %s storage", dtype, s.dtype)
		}
		elems /= size
	}
	if len(shape) > maxDims {
		return nil, fmt.Errorf("%d dimensions, more than %d", len(shape), maxDims)
	}
	if len(strides) != len(shape) {
		return nil, fmt.Errorf("%d strides for shape %s", len(strides), ShapeString(shape))
	}
	n, ok := count(shape)
	if !ok {
		return nil, fmt.Errorf("shape %s is out of bounds", ShapeString(shape))
	}
	last, ok := lastElement(offset, shape, strides)
	if !ok {
		return nil, fmt.Errorf("shape %s with strides %s and offset %d is out of bounds", ShapeString(shape), ShapeString(strides), offset)
	}
	if n > 0 && last >= elems {
		return nil, fmt.Errorf("shape %s with strides %s and offset %d reaches element %d of storage %s, which has %d",
			ShapeString(shape), ShapeString(strides), offset, last, printable(s.key), elems)
	}
	if int64(n) > max(elems, int64(len(s.file.data))) {
		return nil, fmt.Errorf("shape %s has more elements than storage %s and more than the file has bytes", ShapeString(shape), printable(s.key))
	}
	return &Tensor{DType: dtype, Shape: shape, strides: strides, offset: int(offset), st: s}, nil
}

// count returns the number of elements of a shape, false where it is negative
// or does not fit.
func count(shape []int) (int, bool) {
	if slices.ContainsFunc(shape, func(d int) bool { return d < 0 }) {
		return 0, false
	}
	if zeroIn(shape) {
		return 0, true
	}
	n := uint64(1)
	for _, d := range shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt {
			return 0, false
		}
		n = lo
	}
	return int(n), true
}

// zeroIn reports whether a dimension is 0.
func zeroIn(shape []int) bool { return slices.Contains(shape, 0) }

// lastElement returns the largest element index that a view reaches, or just
// its offset where it is empty. The shape has no negative dimension.
func lastElement(offset int64, shape, strides []int) (int64, bool) {
	if offset < 0 || offset > math.MaxInt {
		return 0, false
	}
	if zeroIn(shape) {
		return offset, !slices.ContainsFunc(strides, func(s int) bool { return s < 0 })
	}
	last := uint64(offset)
	for i, d := range shape {
		if strides[i] < 0 {
			return 0, false
		}
		hi, lo := bits.Mul64(uint64(d-1), uint64(strides[i]))
		sum, carry := bits.Add64(last, lo, 0)
		if hi != 0 || carry != 0 || sum > math.MaxInt64 {
			return 0, false
		}
		last = sum
	}
	return int64(last), true
}

// rowMajor returns the strides of a contiguous tensor. The shape's element
// count must fit an int.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= max(shape[i], 1)
	}
	return strides
}

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n, _ := count(t.Shape) // in bounds since newTensor
	return n
}

// Transpose returns the tensor with its dimensions in reverse order, over the
// same bytes.
func (t *Tensor) Transpose() *Tensor {
	u := *t
	u.Shape, u.strides = reversed(t.Shape), reversed(t.strides)
	return &u
}

func reversed(a []int) []int {
	b := make([]int, len(a))
	for i, v := range a {
		b[len(a)-1-i] = v
	}
	return b
}

// contiguous reports whether the elements lie in row-major order without gaps.
func (t *Tensor) contiguous() bool {
	step := 1
	for i := len(t.Shape) - 1; i >= 0; i-- {
		if t.Shape[i] == 1 {
			continue
		}
		if t.strides[i] != step {
			return false
		}
		step *= t.Shape[i]
	}
	return true
}

// Float32 returns the elements in row-major order. Where the file holds them
// as aligned little-endian float32 in that order, the slice is the file's map
// itself: it must not be written to, nor used after File.Close. Otherwise it
// is a new slice. Integers are refused; a float64 is rounded to the nearest
// float32, which may be an infinity.
func (t *Tensor) Float32() ([]float32, error) {
	raw, err := t.floats()
	if err != nil {
		return nil, err
	}
	n := t.Len()
	if n == 0 {
		return []float32{}, nil
	}
	if t.DType == Float32 && t.contiguous() && !t.st.big && hostLittle {
		first := &raw[4*t.offset]
		if uintptr(unsafe.Pointer(first))%4 == 0 {
			return unsafe.Slice((*float32)(unsafe.Pointer(first)), n), nil
		}
	}
	dst := make([]float32, n)
	t.copyTo(dst, raw)
	return dst, nil
}

// CopyFloat32 converts the elements in row-major order into dst, whose length
// must be Len. The copy outlives the File.
func (t *Tensor) CopyFloat32(dst []float32) error {
	raw, err := t.floats()
	if err != nil {
		return err
	}
	if len(dst) != t.Len() {
		return t.wrong("%d elements do not go into %d", t.Len(), len(dst))
	}
	t.copyTo(dst, raw)
	return nil
}

// floats returns the storage's bytes if Float32 can convert them.
func (t *Tensor) floats() ([]byte, error) {
	if !t.DType.Float() {
		return nil, t.wrong("%w: elements are %s, not floating-point numbers", ErrUnsupported, printable(string(t.DType)))
	}
	return t.bytes()
}

// bytes returns the bytes of the tensor's storage.
func (t *Tensor) bytes() ([]byte, error) {
	raw, err := t.st.bytes()
	if err != nil {
		return nil, inFile(err, t.st.file.path)
	}
	return raw, nil
}

// wrong returns an error of this tensor.
func (t *Tensor) wrong(format string, args ...any) error {
	return inFile(at("tensor "+printable(t.Name), -1, format, args...), t.st.file.path)
}

// Scalar returns the only element, of whatever number type.
func (t *Tensor) Scalar() (float64, error) {
	if t.Len() != 1 {
		return 0, t.wrong("shape %s has %d elements, not one", ShapeString(t.Shape), t.Len())
	}
	raw, err := t.bytes()
	if err != nil {
		return 0, err
	}
	size := t.DType.Size()
	v, ok := scalar(t.DType, raw[t.offset*size:][:size], t.st.order())
	if !ok {
		return 0, t.wrong("%w: element is %s, not a number", ErrUnsupported, printable(string(t.DType)))
	}
	return v, nil
}

// scalar decodes one element.
func scalar(d DType, b []byte, o binary.ByteOrder) (float64, bool) {
	switch d {
	case Float16:
		return float64(halfFloat(o.Uint16(b))), true
	case BFloat16:
		return float64(brainFloat(o.Uint16(b))), true
	case Float32:
		return float64(math.Float32frombits(o.Uint32(b))), true
	case Float64:
		return math.Float64frombits(o.Uint64(b)), true
	case Int8:
		return float64(int8(b[0])), true
	case Uint8:
		return float64(b[0]), true
	case Int16:
		return float64(int16(o.Uint16(b))), true
	case Uint16:
		return float64(o.Uint16(b)), true
	case Int32:
		return float64(int32(o.Uint32(b))), true
	case Uint32:
		return float64(o.Uint32(b)), true
	case Int64:
		return float64(int64(o.Uint64(b))), true
	case Uint64:
		return float64(o.Uint64(b)), true
	}
	return 0, false
}

// order returns the byte order of the elements.
func (s *storage) order() binary.ByteOrder {
	if s.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// tile is the number of columns that copyTo reads side by side, so that both a
// matrix and its transpose are read along the cache lines.
const tile = 16

// copyTo converts all elements into dst.
func (t *Tensor) copyTo(dst []float32, raw []byte) {
	if len(dst) == 0 {
		return
	}
	c := converter{kind: t.DType, order: t.st.order(), raw: raw}
	if t.contiguous() {
		c.run(dst, t.offset, 1)
		return
	}
	// The last two dimensions are a matrix; the others are walked one by one.
	shape, strides := t.Shape, t.strides
	if len(shape) == 1 {
		shape, strides = []int{1, shape[0]}, []int{0, strides[0]}
	}
	outer := len(shape) - 2
	rows, cols := shape[outer], shape[outer+1]
	for index := make([]int, outer); ; {
		start := t.offset
		for i, v := range index {
			start += v * strides[i]
		}
		for j := 0; j < cols; j += tile {
			w := min(tile, cols-j)
			for i := range rows {
				c.run(dst[i*cols+j:][:w], start+i*strides[outer]+j*strides[outer+1], strides[outer+1])
			}
		}
		dst = dst[rows*cols:]
		if !next(index, shape) {
			return
		}
	}
}

// next steps to the next index of the leading dimensions of a shape.
func next(index, shape []int) bool {
	for i := len(index) - 1; i >= 0; i-- {
		if index[i]++; index[i] < shape[i] {
			return true
		}
		index[i] = 0
	}
	return false
}

// A converter reads elements of one type as float32.
type converter struct {
	kind  DType
	order binary.ByteOrder
	raw   []byte
}

// run converts len(dst) elements, beginning with element start, stride apart.
func (c converter) run(dst []float32, start, stride int) {
	if c.order == binary.LittleEndian {
		runOrder(c.kind, binary.LittleEndian, c.raw, dst, start, stride)
	} else {
		runOrder(c.kind, binary.BigEndian, c.raw, dst, start, stride)
	}
}

func runOrder[O binary.ByteOrder](kind DType, order O, raw []byte, dst []float32, start, stride int) {
	at := start * kind.Size()
	step := stride * kind.Size()
	switch kind {
	case Float32:
		for i := range dst {
			dst[i] = math.Float32frombits(order.Uint32(raw[at:]))
			at += step
		}
	case Float16:
		for i := range dst {
			dst[i] = halfFloat(order.Uint16(raw[at:]))
			at += step
		}
	case BFloat16:
		for i := range dst {
			dst[i] = brainFloat(order.Uint16(raw[at:]))
			at += step
		}
	case Float64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(order.Uint64(raw[at:])))
			at += step
		}
	}
}

// hostLittle reports whether this machine is little-endian.
var hostLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// ShapeString returns a shape as "[96, 24]", the way PyTorch prints it.
func ShapeString(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = fmt.Sprint(d)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
