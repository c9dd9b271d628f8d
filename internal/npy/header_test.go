package npy

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// npyFile makes a file of the given major version, dict literal and data.
func npyFile(major byte, dict string, data []byte) []byte {
	b := append([]byte(magic), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)))
	}
	return append(append(b, dict...), data...)
}

func TestParseHeader(t *testing.T) {
	for _, test := range []struct {
		dict    string
		dtype   string
		fortran bool
		shape   []int
	}{
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n", "<f4", false, []int{3, 4}},
		{`{"descr":"<f2","fortran_order":True,"shape":(3,4)}`, "<f2", true, []int{3, 4}},
		{"{'shape': (7,), 'fortran_order': False, 'descr': '>i8'}\n", ">i8", false, []int{7}},
		{"{ 'shape' : ( 7L , 2L ,) , 'fortran_order' : False , 'descr' : '<i4' , }", "<i4", false, []int{7, 2}},
	} {
		for major := byte(1); major <= 3; major++ {
			h, err := parseHeader(npyFile(major, test.dict, nil))
			if err != nil {
				t.Errorf("%s: %v", test.dict, err)
				continue
			}
			if h.dtype.name != test.dtype || h.fortran != test.fortran || !slices.Equal(h.shape, test.shape) {
				t.Errorf("%s: read as %+v", test.dict, h)
			}
		}
	}
}

func TestParseHeaderErrors(t *testing.T) {
	good := "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
	with := func(old, new string) []byte { return npyFile(1, strings.Replace(good, old, new, 1), nil) }
	for _, test := range []struct {
		name, want  string
		data        []byte
		unsupported bool
	}{
		{"empty", "not a .npy file", nil, false},
		{"zip", "not a .npy file", []byte("PK\x03\x04........"), false},
		{"version", "format version 4.0 is unknown", npyFile(4, good, nil), false},
		{"length cut", "file ends within the header", npyFile(2, good, nil)[:10], false},
		{"header cut", "file ends within the header", npyFile(1, good, nil)[:40], false},
		{"huge header", "header of 65536 bytes, more than 65535", append([]byte(magic), 2, 0, 255, 255, 255, 255), false},
		{"no dict", `'{' expected at "()"`, npyFile(1, "()", nil), false},
		{"open dict", `'}' expected at ""`, npyFile(1, strings.TrimSuffix(good, ", }"), nil), false},
		{"rest", `"x" after the dict`, npyFile(1, good+"x", nil), false},
		{"escape", "string expected", with("<f4", `\x3cf4`), false},
		{"twice", `key "descr" twice`, with("'fortran_order': False", "'descr': '<f4'"), false},
		{"missing", `no key "fortran_order"`, with("'fortran_order': False,", ""), false},
		{"other key", `unknown key "order"`, with("fortran_order", "order"), false},
		{"bool", `True or False expected at "0`, with("False", "0"), false},
		{"negative", `size expected at "-3`, with("3", "-3"), false},
		{"overflow", `size expected at "9999`, with("3", "99999999999999999999"), false},
		{"deep", "shape of more than 32", with("3", strings.Repeat("1,", 40)+"1"), false},
		{"objects", "(pickled objects)", with("<f4", "|O"), true},
		{"records", "structured dtype", with("'<f4'", "[('a', '<f4')]"), true},
		{"complex", `dtype "<c8" (complex numbers) is not read`, with("<f4", "<c8"), true},
		{"unsigned", `dtype "<u4" is not read`, with("<f4", "<u4"), true},
		{"native", `dtype "=f4" is not read`, with("<f4", "=f4"), true},
		{"scalar", "a single number", with("3, 4", ""), true},
		{"cube", "3 dimensions", with("3, 4", "3, 4, 5"), true},
		{"no columns", "rows of no columns", with("3, 4", "3, 0"), true},
		{"no rows", "no rows, of 4611686018427387904 columns", with("3, 4", "0, 4611686018427387904"), true},
	} {
		_, err := parseHeader(test.data)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if errors.Is(err, errUnsupported) != test.unsupported {
			t.Errorf("%s: unsupported is %v", test.name, !test.unsupported)
		}
	}
}
