package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// A dtype is the type of an item: its kind ('f' or 'i'), its size in bytes and
// its byte order.
type dtype struct {
	name  string // as in the header, such as "<f4"
	kind  byte
	size  int
	order binary.ByteOrder
}

// parseDtype reads a type string of a header; the error says what it is that
// we do not read.
func parseDtype(name string) (dtype, error) {
	switch name {
	case "<f2", "<f4", "<f8", "<i4", "<i8":
		return dtype{name, name[1], int(name[2] - '0'), binary.LittleEndian}, nil
	case ">f2", ">f4", ">f8", ">i4", ">i8":
		return dtype{name, name[1], int(name[2] - '0'), binary.BigEndian}, nil
	}
	return dtype{}, fmt.Errorf("dtype %q%s is not read, only float16, float32, float64, int32 and int64",
		cut(name, 40), dtypeHint(name))
}

// dtypeHint names the family of a type string in brackets, where it has a
// name that says more than the string.
func dtypeHint(name string) string {
	family := strings.TrimLeft(name, "<>|=")
	families := []struct{ letters, hint string }{
		{"O", " (pickled objects)"}, {"V", " (records)"}, {"SUa", " (text)"},
		{"c", " (complex numbers)"}, {"b?", " (bytes or booleans)"}, {"Mm", " (times)"},
	}
	for _, f := range families {
		if family != "" && strings.Contains(f.letters, family[:1]) {
			return f.hint
		}
	}
	return ""
}

// float decodes one item of kind 'f'.
func (d dtype) float(b []byte) float64 {
	switch d.size {
	case 2:
		return halfToFloat(d.order.Uint16(b))
	case 4:
		return float64(math.Float32frombits(d.order.Uint32(b)))
	default:
		return math.Float64frombits(d.order.Uint64(b))
	}
}

// int decodes one item of kind 'i'.
func (d dtype) int(b []byte) int64 {
	if d.size == 4 {
		return int64(int32(d.order.Uint32(b)))
	}
	return int64(d.order.Uint64(b))
}

// halfToFloat decodes an IEEE 754 binary16: one sign bit, five of exponent
// (bias 15), ten of fraction. The result is exact.
func halfToFloat(bits uint16) float64 {
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 0x1f:
		v = math.Inf(1)
		if fraction != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 != 0 {
		v = -v
	}
	return v
}

// narrow rounds a value to float32, or says why it cannot be a component of a
// vector.
func narrow(v float64) (float32, string) {
	switch f := float32(v); {
	case math.IsNaN(v):
		return 0, "NaN"
	case math.IsInf(v, 0):
		return 0, "infinity"
	case math.IsInf(float64(f), 0):
		return 0, fmt.Sprintf("%g overflows float32", v)
	default:
		return f, ""
	}
}

// cut shortens s to n bytes for an error line.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
