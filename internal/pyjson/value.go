package pyjson

import (
	"errors"
	"math"
	"strconv"
)

// Kind says what a Value is.
type Kind uint8

// The kinds of a JSON value. Python tells integers from floats, so we do.
const (
	Null Kind = iota
	False
	True
	Int
	Float
	String
	Array
	Object
)

// String names the kind as an error message would.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a boolean", "a number", "a number", "a string", "a list", "an object"}[k]
}

// ErrSurrogate is returned when a string with half of a surrogate pair is
// asked for as UTF-8.
var ErrSurrogate = errors.New("half of a surrogate pair (such as \\ud800) is not a character")

// A Value is one parsed JSON value. The zero Value is null.
type Value struct {
	Kind Kind

	text   string // String: UTF-8; Int: canonical decimal digits
	broken bool   // String: holds half a surrogate pair
	number float64
	items  []Value // Array
	fields []field // Object, in the order the keys first appeared
}

type field struct {
	key   Value
	value Value
}

// Text returns the string's text as UTF-8, or ErrSurrogate. The Value must be
// a String.
func (v Value) Text() (string, error) {
	if v.broken {
		return "", ErrSurrogate
	}
	return v.text, nil
}

// Field returns the value of an object's key. The Value must be an Object.
func (v Value) Field(key string) (Value, bool) {
	for _, f := range v.fields {
		if f.key.text == key && !f.key.broken {
			return f.value, true
		}
	}
	return Value{}, false
}

// Finite reports whether v holds no NaN and no infinity, that is, whether
// Append writes standard JSON.
func (v Value) Finite() bool {
	if v.Kind == Float && (math.IsNaN(v.number) || math.IsInf(v.number, 0)) {
		return false
	}
	for _, item := range v.items {
		if !item.Finite() {
			return false
		}
	}
	for _, f := range v.fields {
		if !f.value.Finite() {
			return false
		}
	}
	return true
}

// Append appends v as json.dumps(v, ensure_ascii=False) writes it. The error
// is ErrSurrogate or nil.
func (v Value) Append(dst []byte) ([]byte, error) {
	switch v.Kind {
	case Null:
		return append(dst, "null"...), nil
	case False:
		return append(dst, "false"...), nil
	case True:
		return append(dst, "true"...), nil
	case Int:
		return append(dst, v.text...), nil
	case Float:
		return AppendFloat(dst, v.number), nil
	case String:
		if v.broken {
			return dst, ErrSurrogate
		}
		return AppendString(dst, v.text), nil
	case Array:
		return v.appendArray(dst)
	default:
		return v.appendObject(dst)
	}
}

func (v Value) appendArray(dst []byte) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i, item := range v.items {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = item.Append(dst); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (v Value) appendObject(dst []byte) ([]byte, error) {
	var err error
	dst = append(dst, '{')
	for i, f := range v.fields {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = f.key.Append(dst); err != nil {
			return dst, err
		}
		dst = append(dst, ": "...)
		if dst, err = f.value.Append(dst); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// AppendString appends s, quoted. Only the quote, the backslash and control
// characters below U+0020 are escaped.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// AppendFloat appends f as Python's repr prints a float: the fewest digits
// that read back as f, an exponent below 1e-4 and from 1e16 on, and a ".0"
// where the number would else look like an integer.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}
