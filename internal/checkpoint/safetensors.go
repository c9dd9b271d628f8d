package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxHeader is the longest header of a safetensors file, from its
// specification.
const maxHeader = 100_000_000

// isSafetensors reports whether data begins with a header length below 2⁴⁸ and
// a brace. Files with a header that is too long are of the format, and refused
// for that.
func isSafetensors(data []byte) bool {
	return len(data) > 8 && data[8] == '{' && data[6] == 0 && data[7] == 0
}

// openSafetensors reads the header and checks that the tensors fill the rest of
// the file without a hole or an overlap.
func openSafetensors(f *File) (Value, error) {
	n := binary.LittleEndian.Uint64(f.data)
	rest := f.data[8:]
	if n > maxHeader {
		return nil, at("header", 0, "length %d is more than %d", n, maxHeader)
	}
	if n > uint64(len(rest)) {
		return nil, at("header", 0, "length %d goes past the end of the file, %d bytes on", n, len(rest))
	}
	header, body := rest[:n], rest[n:]
	if !utf8.Valid(header) {
		return nil, at("header", 8, "is not utf-8")
	}
	h := &safeHeader{file: f, body: body, start: int64(8 + n), root: &Dict{}}
	if err := h.parse(header); err != nil {
		var c *CorruptionError
		if errors.As(err, &c) {
			return nil, err
		}
		return nil, at("header", 8, "%w", err)
	}
	if err := h.filled(); err != nil {
		return nil, err
	}
	return h.root, nil
}

// A safeHeader is the header while it is read.
type safeHeader struct {
	file  *File
	body  []byte
	start int64 // of body in the file
	root  *Dict
	spans []span
	meta  bool
}

// A span is the bytes of one tensor within the body.
type span struct {
	name       string
	begin, end uint64
}

// parse reads the JSON object, token by token, so that duplicate names show.
func (h *safeHeader) parse(header []byte) error {
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.UseNumber()
	if err := delimiter(dec, '{'); err != nil {
		return err
	}
	for dec.More() {
		name, err := stringToken(dec)
		if err != nil {
			return err
		}
		if name == "__metadata__" {
			err = h.metadata(dec)
		} else {
			err = h.tensor(dec, name)
		}
		if err != nil {
			return err
		}
	}
	if err := delimiter(dec, '}'); err != nil {
		return err
	}
	if rest := bytes.TrimRight(header[dec.InputOffset():], " "); len(rest) > 0 {
		return errors.New("has bytes after its object")
	}
	return nil
}

// metadata reads the map of strings that a header may hold, and drops it.
func (h *safeHeader) metadata(dec *json.Decoder) error {
	if h.meta {
		return errors.New("__metadata__ is there twice")
	}
	h.meta = true
	if err := delimiter(dec, '{'); err != nil {
		return fmt.Errorf("__metadata__: %w", err)
	}
	for dec.More() {
		for range 2 {
			if _, err := stringToken(dec); err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
		}
	}
	return delimiter(dec, '}')
}

// tensor reads one entry and adds it to the root.
func (h *safeHeader) tensor(dec *json.Decoder, name string) error {
	section := "tensor " + printable(name)
	if _, ok := h.root.index[name]; ok {
		return at(section, -1, "is there twice")
	}
	var e safeEntry
	if err := e.read(dec); err != nil {
		return at(section, -1, "%w", err)
	}
	begin, end := e.offsets[0], e.offsets[1]
	if begin > end || end > uint64(len(h.body)) {
		return at(section, -1, "data_offsets [%d, %d] go past the %d bytes of data", begin, end, len(h.body))
	}
	n, ok := count(e.shape)
	if !ok {
		return at(section, -1, "shape %s is out of bounds", ShapeString(e.shape))
	}
	dtype, known := safeTypes[e.dtype]
	if !known {
		dtype = DType(e.dtype)
	}
	if size := dtype.Size(); known && (end-begin)%uint64(size) != 0 || known && (end-begin)/uint64(size) != uint64(n) {
		return at(section, -1, "data_offsets [%d, %d] hold %d bytes, %s %s needs %d elements of %d bytes",
			begin, end, end-begin, e.dtype, ShapeString(e.shape), n, size)
	}
	pos := h.start + int64(begin)
	s := &storage{
		file: h.file, section: section, pos: pos,
		raw: h.body[begin:end:end], key: name, dtype: dtype, elems: n,
	}
	t := &Tensor{Name: name, DType: dtype, Shape: e.shape, strides: rowMajor(e.shape), st: s}
	h.spans = append(h.spans, span{name, begin, end})
	return h.root.set(name, t)
}

// filled checks that the tensors follow each other from the first byte of the
// body to the last.
func (h *safeHeader) filled() error {
	slices.SortFunc(h.spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	var end uint64
	for _, s := range h.spans {
		if s.begin != end {
			what := "overlaps the tensor before it"
			if s.begin > end {
				what = "leaves a hole before it"
			}
			return at("tensor "+printable(s.name), h.start+int64(s.begin), "%s: data begins at %d, the one before ends at %d", what, s.begin, end)
		}
		end = s.end
	}
	if end != uint64(len(h.body)) {
		return at("header", 8, "tensors end at %d of the %d bytes of data", end, len(h.body))
	}
	return nil
}

// A safeEntry is what a header says about a tensor.
type safeEntry struct {
	dtype   string
	shape   []int
	offsets [2]uint64
}

// read reads an object of exactly the fields dtype, shape and data_offsets.
func (e *safeEntry) read(dec *json.Decoder) error {
	if err := delimiter(dec, '{'); err != nil {
		return err
	}
	seen := make(map[string]bool, 3)
	for dec.More() {
		field, err := stringToken(dec)
		if err != nil {
			return err
		}
		if seen[field] {
			return fmt.Errorf("field %s is there twice", printable(field))
		}
		seen[field] = true
		switch field {
		case "dtype":
			e.dtype, err = stringToken(dec)
		case "shape":
			err = e.readShape(dec)
		case "data_offsets":
			err = e.readOffsets(dec)
		default:
			err = errors.New("is not a field of a tensor")
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", printable(field), err)
		}
	}
	for _, field := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[field] {
			return fmt.Errorf("field %s is missing", field)
		}
	}
	return delimiter(dec, '}')
}

func (e *safeEntry) readShape(dec *json.Decoder) error {
	numbers, err := numberList(dec, maxDims)
	if err != nil {
		return err
	}
	e.shape = make([]int, len(numbers))
	for i, n := range numbers {
		if n > math.MaxInt {
			return fmt.Errorf("dimension %d is out of bounds", n)
		}
		e.shape[i] = int(n)
	}
	return nil
}

func (e *safeEntry) readOffsets(dec *json.Decoder) error {
	numbers, err := numberList(dec, 2)
	if err != nil {
		return err
	}
	if len(numbers) != 2 {
		return fmt.Errorf("has %d numbers, not two", len(numbers))
	}
	e.offsets = [2]uint64(numbers)
	return nil
}

// numberList reads a list of at most so many whole numbers.
func numberList(dec *json.Decoder, most int) ([]uint64, error) {
	if err := delimiter(dec, '['); err != nil {
		return nil, err
	}
	var list []uint64
	for dec.More() {
		if len(list) == most {
			return nil, fmt.Errorf("has more than %d numbers", most)
		}
		tok, err := token(dec)
		if err != nil {
			return nil, err
		}
		digits, ok := tok.(json.Number)
		if !ok {
			return nil, errors.New("is not a list of numbers")
		}
		n, err := strconv.ParseUint(digits.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("number %s is not a whole one in bounds", printable(digits.String()))
		}
		list = append(list, n)
	}
	return list, delimiter(dec, ']')
}

// token returns the next token, with errors in one line.
func token(dec *json.Decoder) (json.Token, error) {
	tok, err := dec.Token()
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, errors.New("json ends early")
	}
	if err != nil {
		return nil, fmt.Errorf("json cannot be read: %w", err)
	}
	return tok, nil
}

// delimiter reads the delimiter that must come next.
func delimiter(dec *json.Decoder, want json.Delim) error {
	tok, err := token(dec)
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("json has no %v where one must be", want)
	}
	return nil
}

// stringToken reads the string that must come next.
func stringToken(dec *json.Decoder) (string, error) {
	tok, err := token(dec)
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", errors.New("json has no string where one must be")
	}
	return s, nil
}
