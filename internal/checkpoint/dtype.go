package checkpoint

import "math"

// A DType is the element type of a tensor, under PyTorch's name. A safetensors
// file may hold types that this package does not know: they keep the file's own
// name and are refused when their tensor is used.
type DType string

// The element types with a known size.
const (
	Float16    DType = "float16"
	BFloat16   DType = "bfloat16"
	Float32    DType = "float32"
	Float64    DType = "float64"
	Int8       DType = "int8"
	Int16      DType = "int16"
	Int32      DType = "int32"
	Int64      DType = "int64"
	Uint8      DType = "uint8"
	Uint16     DType = "uint16"
	Uint32     DType = "uint32"
	Uint64     DType = "uint64"
	Bool       DType = "bool"
	Float8E4M3 DType = "float8_e4m3fn"
	Float8E5M2 DType = "float8_e5m2"
	Complex64  DType = "complex64"
	Complex128 DType = "complex128"
)

// Size returns the bytes of one element, 0 where the type is not known.
func (d DType) Size() int {
	switch d {
	case Int8, Uint8, Bool, Float8E4M3, Float8E5M2:
		return 1
	case Float16, BFloat16, Int16, Uint16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64, Complex64:
		return 8
	case Complex128:
		return 16
	}
	return 0
}

// Float reports whether Tensor.Float32 converts from the type.
func (d DType) Float() bool {
	return d == Float16 || d == BFloat16 || d == Float32 || d == Float64
}

// storageTypes are the storage classes of torch, by pickled name.
var storageTypes = map[string]DType{
	"torch.HalfStorage":            Float16,
	"torch.BFloat16Storage":        BFloat16,
	"torch.FloatStorage":           Float32,
	"torch.DoubleStorage":          Float64,
	"torch.CharStorage":            Int8,
	"torch.ShortStorage":           Int16,
	"torch.IntStorage":             Int32,
	"torch.LongStorage":            Int64,
	"torch.ByteStorage":            Uint8,
	"torch.BoolStorage":            Bool,
	"torch.ComplexFloatStorage":    Complex64,
	"torch.ComplexDoubleStorage":   Complex128,
	"torch.UntypedStorage":         Uint8,
	"torch.storage.UntypedStorage": Uint8,
}

// torchTypes are the element types of torch, by pickled name.
var torchTypes = map[string]DType{
	"torch.float16":       Float16,
	"torch.bfloat16":      BFloat16,
	"torch.float32":       Float32,
	"torch.float64":       Float64,
	"torch.int8":          Int8,
	"torch.int16":         Int16,
	"torch.int32":         Int32,
	"torch.int64":         Int64,
	"torch.uint8":         Uint8,
	"torch.uint16":        Uint16,
	"torch.uint32":        Uint32,
	"torch.uint64":        Uint64,
	"torch.bool":          Bool,
	"torch.float8_e4m3fn": Float8E4M3,
	"torch.float8_e5m2":   Float8E5M2,
	"torch.complex64":     Complex64,
	"torch.complex128":    Complex128,
}

// safeTypes are the element types of safetensors.
var safeTypes = map[string]DType{
	"F16":     Float16,
	"BF16":    BFloat16,
	"F32":     Float32,
	"F64":     Float64,
	"I8":      Int8,
	"I16":     Int16,
	"I32":     Int32,
	"I64":     Int64,
	"U8":      Uint8,
	"U16":     Uint16,
	"U32":     Uint32,
	"U64":     Uint64,
	"BOOL":    Bool,
	"F8_E4M3": Float8E4M3,
	"F8_E5M2": Float8E5M2,
	"C64":     Complex64,
}

// halfFloat returns the float32 that equals an IEEE 754 binary16 number.
func halfFloat(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp, frac := uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 31: // infinity, NaN
		return math.Float32frombits(sign | 255<<23 | frac<<13)
	case 0: // zero, subnormal: frac · 2⁻²⁴, exact in float32
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(f))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// brainFloat returns the float32 that equals a bfloat16 number.
func brainFloat(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
