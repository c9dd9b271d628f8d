package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// safeFile returns a safetensors file.
func safeFile(header, body string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+body...)
}

func TestSafetensorsRefuses(t *testing.T) {
	one := `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	field := func(old, new string) string { return "{" + strings.Replace(one, old, new, 1) + "}" }
	for _, c := range []struct{ header, body, message string }{
		{"{" + one + "}", "1234", ""},
		{"{" + one + "}   ", "1234", ""},
		{`{"__metadata__":{"format":"pt","x":"y"},` + one + "}", "1234", ""},
		{`{}`, "", ""},
		{`{`, "", "header at byte 8: json ends early"},
		{`{"a"`, "", "tensor a: json ends early"},
		{`{"a":}`, "", "tensor a: json cannot be read: invalid character '}' looking for beginning of value"},
		{`{"a":[]}`, "", "tensor a: json has no { where one must be"},
		{`{"a\n":1}`, "", `tensor "a\n": json has no { where one must be`},
		{"{" + one + "}x", "1234", "header at byte 8: has bytes after its object"},
		{"{" + one + "}\n", "1234", "header at byte 8: has bytes after its object"},
		{"{" + one + "," + one + "}", "1234", "tensor a: is there twice"},
		{"{" + one + `,"\u0061":{}}`, "1234", "tensor a: is there twice"},
		{"{\"\xff\":1}", "", "header at byte 8: is not utf-8"},
		{`{"__metadata__":{"format":1}}`, "", "header at byte 8: __metadata__: json has no string where one must be"},
		{`{"__metadata__":[]}`, "", "header at byte 8: __metadata__: json has no { where one must be"},
		{`{"__metadata__":{},"__metadata__":{}}`, "", "header at byte 8: __metadata__ is there twice"},
		{field(`"dtype":"F32",`, ""), "1234", "tensor a: field dtype is missing"},
		{field(`"dtype"`, `"DType"`), "1234", "tensor a: field DType: is not a field of a tensor"},
		{field(`"shape"`, `"dtype"`), "1234", "tensor a: field dtype is there twice"},
		{field(`"F32"`, `4`), "1234", "tensor a: field dtype: json has no string where one must be"},
		{field(`[1]`, `[1.0]`), "1234", "tensor a: field shape: number 1.0 is not a whole one in bounds"},
		{field(`[1]`, `[-1]`), "1234", "tensor a: field shape: number -1 is not a whole one in bounds"},
		{field(`[1]`, `[18446744073709551615]`), "1234", "tensor a: field shape: dimension 18446744073709551615 is out of bounds"},
		{field(`[1]`, `[18446744073709551616]`), "1234", "tensor a: field shape: number 18446744073709551616 is not a whole one in bounds"},
		{field(`[1]`, `[4294967296,4294967296,4]`), "1234", "tensor a: shape [4294967296, 4294967296, 4] is out of bounds"},
		{field(`[1]`, `["1"]`), "1234", "tensor a: field shape: is not a list of numbers"},
		{field(`[1]`, `[1`+strings.Repeat(",1", 64)+`]`), "1234", "tensor a: field shape: has more than 64 numbers"},
		{field(`[1]`, `[2]`), "1234", "tensor a: data_offsets [0, 4] hold 4 bytes, F32 [2] needs 2 elements of 4 bytes"},
		{field(`[0,4]`, `[0,5]`), "12345", "tensor a: data_offsets [0, 5] hold 5 bytes, F32 [1] needs 1 elements of 4 bytes"},
		{field(`[0,4]`, `[4,0]`), "1234", "tensor a: data_offsets [4, 0] go past the 4 bytes of data"},
		{field(`[0,4]`, `[4,18446744073709551615]`), "1234", "tensor a: data_offsets [4, 18446744073709551615] go past the 4 bytes of data"},
		{field(`[0,4]`, `[0]`), "1234", "tensor a: field data_offsets: has 1 numbers, not two"},
		{field(`[0,4]`, `[0,4,4]`), "1234", "tensor a: field data_offsets: has more than 2 numbers"},
		{field(`[0,4]`, `[4,8]`), "12345678", "tensor a at byte 66: leaves a hole before it: data begins at 4, the one before ends at 0"},
		{"{" + one + "}", "12345", "header at byte 8: tensors end at 4 of the 5 bytes of data"},
		{"{" + one + "," + strings.Replace(one, `"a"`, `"b"`, 1) + "}", "1234", "tensor b at byte 115: overlaps the tensor before it: data begins at 0, the one before ends at 4"},
	} {
		_, err := Parse("f", safeFile(c.header, c.body))
		if c.message == "" && err != nil || c.message != "" && (err == nil || err.Error() != "f: "+c.message) {
			t.Errorf("%s:\n got %v\nwant f: %s", c.header, err, c.message)
		}
	}
	if _, err := Parse("f", safeFile("{}", "")[:9]); err == nil || err.Error() != "f: header at byte 0: length 2 goes past the end of the file, 1 bytes on" {
		t.Error(err)
	}
}

// TestSafetensorsTypes reads a file with types that cannot be converted: they
// are in nobody's way until they are used.
func TestSafetensorsTypes(t *testing.T) {
	f, err := Parse("f", safeFile(`{"a":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]},`+
		`"b":{"dtype":"F4_E9","shape":[3],"data_offsets":[16,18]},`+
		`"c":{"dtype":"F32","shape":[],"data_offsets":[18,22]},"d":{"dtype":"F32","shape":[0,5],"data_offsets":[22,22]}}`,
		strings.Repeat("\x00", 18)+"\x00\x00\x80\x3f"))
	if err != nil {
		t.Fatal(err)
	}
	for name, message := range map[string]string{
		"a": "f: tensor a: not supported: elements are int64, not floating-point numbers",
		"b": "f: tensor b: not supported: elements are F4_E9, not floating-point numbers",
	} {
		v, _ := f.Tensor(name)
		if _, err := v.Float32(); !errors.Is(err, ErrUnsupported) || err.Error() != message {
			t.Error(err)
		}
	}
	c, _ := f.Tensor("c") // not aligned
	if a, err := c.Float32(); err != nil || len(a) != 1 || a[0] != 1 {
		t.Error(a, err)
	}
	d, _ := f.Tensor("d")
	if a, err := d.Float32(); err != nil || len(a) != 0 {
		t.Error(a, err)
	}
	b, _ := f.Tensor("b")
	if _, err := b.Scalar(); err == nil {
		t.Error("three elements make a scalar")
	}
}

func TestWriteSafetensors(t *testing.T) {
	var b bytes.Buffer
	err := WriteSafetensors(&b, []Entry{
		{Name: "w\"", Shape: []int{2, 3}, Float32: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "k", Int32: []int32{-7}},
		{Name: "none", Shape: []int{0, 2}, Float32: []float32{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("f", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	w, _ := f.Tensor("w\"")
	if a, err := w.Float32(); err != nil || !slices.Equal(a, []float32{1, 2, 3, 4, 5, 6}) || !slices.Equal(w.Shape, []int{2, 3}) {
		t.Error(a, err)
	}
	k, _ := f.Tensor("k")
	if v, err := k.Scalar(); err != nil || v != -7 || k.DType != Int32 {
		t.Error(v, err)
	}
	for _, bad := range [][]Entry{
		{{Name: "a", Shape: []int{2}, Float32: []float32{1}}},
		{{Name: "a", Shape: []int{-1}, Float32: []float32{1}}},
		{{Name: "a", Float32: []float32{1}}, {Name: "a", Float32: []float32{1}}},
		{{Name: "__metadata__", Float32: []float32{1}}},
	} {
		if err := WriteSafetensors(&b, bad); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}
