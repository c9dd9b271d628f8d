package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// encode returns numbers as bytes of an element type.
func encode(d DType, order binary.AppendByteOrder, numbers []float64) []byte {
	var b []byte
	for _, v := range numbers {
		switch d {
		case Float64:
			b = order.AppendUint64(b, math.Float64bits(v))
		case Float32:
			b = order.AppendUint32(b, math.Float32bits(float32(v)))
		case BFloat16:
			b = order.AppendUint16(b, uint16(math.Float32bits(float32(v))>>16))
		case Int64, Uint64:
			b = order.AppendUint64(b, uint64(int64(v)))
		case Int32, Uint32:
			b = order.AppendUint32(b, uint32(int64(v)))
		case Int16, Uint16:
			b = order.AppendUint16(b, uint16(int64(v)))
		case Int8, Uint8, Bool:
			b = append(b, byte(int64(v)))
		}
	}
	return b
}

// plainStorage returns a storage of float32 numbers 0, 1, 2, ...
func plainStorage(n int) *storage {
	numbers := make([]float64, n)
	for i := range numbers {
		numbers[i] = float64(i)
	}
	return &storage{file: &File{path: "f"}, raw: encode(Float32, binary.LittleEndian, numbers), key: "0", dtype: Float32, elems: n}
}

// TestStrides compares the tiled reading of any view with index arithmetic.
func TestStrides(t *testing.T) {
	s := plainStorage(200_000)
	rapid.Check(t, func(r *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 4).Draw(r, "shape")
		strides := make([]int, len(shape))
		for i := range strides {
			strides[i] = rapid.IntRange(0, 40).Draw(r, "stride")
		}
		offset := rapid.IntRange(0, 9).Draw(r, "offset")
		v, err := newTensor(s, Float32, int64(offset), shape, strides)
		if err != nil {
			r.Fatal(err)
		}
		var want []float32
		walk(shape, strides, offset, func(at int) { want = append(want, float32(at)) })
		got, err := v.Float32()
		if err != nil || !slices.Equal(got, want) {
			r.Fatalf("shape %v strides %v: %v", shape, strides, err)
		}
		dst := make([]float32, len(want))
		if err := v.CopyFloat32(dst); err != nil || !slices.Equal(dst, want) {
			r.Fatalf("shape %v strides %v: copy differs, %v", shape, strides, err)
		}
		back, err := v.Transpose().Transpose().Float32()
		if err != nil || !slices.Equal(back, want) {
			r.Fatalf("shape %v strides %v: transposed twice differs, %v", shape, strides, err)
		}
	})
}

// walk calls f with the element index of every element in row-major order.
func walk(shape, strides []int, at int, f func(int)) {
	if len(shape) == 0 {
		f(at)
		return
	}
	for i := range shape[0] {
		walk(shape[1:], strides[1:], at+i*strides[0], f)
	}
}

func TestNewTensorBounds(t *testing.T) {
	const big = math.MaxInt
	for _, c := range []struct {
		offset         int64
		shape, strides []int
		ok             bool
	}{
		{0, nil, nil, true},
		{11, nil, nil, true},
		{12, nil, nil, false},
		{-1, nil, nil, false},
		{0, []int{12}, []int{1}, true},
		{1, []int{12}, []int{1}, false},
		{0, []int{3, 4}, []int{4, 1}, true},
		{0, []int{3, 4}, []int{1, 3}, true},
		{0, []int{3, 5}, []int{4, 1}, false},
		{0, []int{12}, []int{0}, true},
		{0, []int{13}, []int{0}, false},
		{0, []int{-1}, []int{1}, false},
		{0, []int{2}, []int{-1}, false},
		{0, []int{2}, []int{1, 1}, false},
		{0, []int{0, big, big}, []int{big, big, 1}, true},
		{0, []int{big, big, 0}, []int{big, big, 1}, true},
		{big, []int{0}, []int{1}, true},
		{0, []int{big, big}, []int{0, 0}, false},
		{0, []int{big, big}, []int{big, big}, false},
		{0, []int{big, 4}, []int{1, 1}, false},
		{big, []int{2}, []int{big}, false},
		{0, []int{2, 2, 2}, []int{big, big, big}, false},
		{0, make([]int, 65), make([]int, 65), false},
	} {
		v, err := newTensor(plainStorage(12), Float32, c.offset, c.shape, c.strides)
		if (err == nil) != c.ok {
			t.Errorf("offset %d shape %v strides %v: %v", c.offset, c.shape, c.strides, err)
		}
		if err == nil {
			if _, err := v.Float32(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestConversions(t *testing.T) {
	numbers := []float64{0, 1, -2, 0.5, 96}
	for _, d := range []DType{Float32, Float64, BFloat16} {
		for _, big := range []bool{false, true} {
			order := binary.AppendByteOrder(binary.LittleEndian)
			if big {
				order = binary.BigEndian
			}
			s := &storage{file: &File{}, raw: encode(d, order, numbers), dtype: d, elems: len(numbers), big: big}
			v, err := newTensor(s, d, 0, []int{5}, []int{1})
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Float32()
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range numbers {
				if float64(got[i]) != want {
					t.Errorf("%s, big %v: %v, want %v", d, big, got, numbers)
				}
			}
		}
	}
}

// TestHalfFloat compares all numbers of binary16 with their definition.
func TestHalfFloat(t *testing.T) {
	for h := range 1 << 16 {
		sign, exp, frac := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * math.Ldexp(1024+frac, exp-25)
		switch {
		case exp == 0:
			want = sign * math.Ldexp(frac, -24)
		case exp == 31 && frac == 0:
			want = math.Inf(int(sign))
		case exp == 31:
			want = math.NaN()
		}
		got := float64(halfFloat(uint16(h)))
		if got != want && (got == got || want == want) || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("%04x: %v, want %v", h, got, want)
		}
	}
}

func TestFloat64Rounds(t *testing.T) {
	numbers := []float64{1 + 0x1p-24, 1 + 0x3p-24, 1e300, 0x1p-160}
	s := &storage{file: &File{}, raw: encode(Float64, binary.LittleEndian, numbers), dtype: Float64, elems: 4}
	v, err := newTensor(s, Float64, 0, []int{4}, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Float32()
	if want := []float32{1, 1 + 0x1p-22, float32(math.Inf(1)), 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func TestScalar(t *testing.T) {
	for _, d := range []DType{Float64, Float32, BFloat16, Int64, Int32, Int16, Int8} {
		s := &storage{file: &File{}, raw: encode(d, binary.BigEndian, []float64{-7}), dtype: d, elems: 1, big: true}
		v, err := newTensor(s, d, 0, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Scalar(); err != nil || got != -7 {
			t.Errorf("%s: %v, %v", d, got, err)
		}
	}
	for _, d := range []DType{Bool, Float8E4M3, Complex64} {
		s := &storage{file: &File{path: "f"}, raw: make([]byte, d.Size()), dtype: d, elems: 1}
		v, err := newTensor(s, d, 0, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		v.Name = "k"
		if _, err := v.Scalar(); !errors.Is(err, ErrUnsupported) || !strings.HasPrefix(fmt.Sprint(err), "f: tensor k: ") {
			t.Errorf("%s: %v", d, err)
		}
		if _, err := v.Float32(); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", d, err)
		}
	}
	v, err := newTensor(plainStorage(4), Float32, 0, []int{2, 2}, []int{2, 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Scalar(); err == nil {
		t.Error("four elements make a scalar")
	}
	if err := v.CopyFloat32(make([]float32, 3)); err == nil {
		t.Error("four elements go into three")
	}
}

func BenchmarkTranspose(b *testing.B) {
	const rows, cols = 1024, 4096
	v, err := newTensor(plainStorage(rows*cols), Float32, 0, []int{rows, cols}, []int{cols, 1})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]float32, rows*cols)
	b.SetBytes(4 * rows * cols)
	for b.Loop() {
		if err := v.Transpose().CopyFloat32(dst); err != nil {
			b.Fatal(err)
		}
	}
}
