package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"

	// maxHeader bounds the dict literal, in bytes. A header of the types read
	// here takes about a hundred; the bound is that of version 1.0.
	maxHeader = 1<<16 - 1

	// maxEmptyCols bounds the columns of a matrix without rows, which no data
	// vouch for.
	maxEmptyCols = 1 << 20
)

// A header is what a .npy file says of its data.
type header struct {
	dtype   dtype
	fortran bool
	shape   []int // one or two dimensions
	size    int   // length of the header in bytes: where the data begins
}

// errUnsupported marks the errors of a header that is well formed but asks for
// what this package does not read.
var errUnsupported = errors.New("not supported")

// unsupported makes an error line that errors.Is knows as errUnsupported.
type unsupported string

func (u unsupported) Error() string        { return string(u) }
func (u unsupported) Is(target error) bool { return target == errUnsupported }

// parseHeader reads the header at the start of data.
func parseHeader(data []byte) (header, error) {
	if len(data) < len(magic)+2 || string(data[:len(magic)]) != magic {
		return header{}, errors.New("not a .npy file")
	}
	start, length, err := headerSpan(data)
	if err != nil {
		return header{}, err
	}
	if length > maxHeader {
		return header{}, fmt.Errorf("header of %d bytes, more than %d", length, maxHeader)
	}
	if length > len(data)-start {
		return header{}, errors.New("file ends within the header")
	}
	h, err := parseDict(string(data[start : start+length]))
	h.size = start + length
	return h, err
}

// headerSpan returns where the dict literal begins and how long it claims to
// be: two bytes of length in version 1.0, four from 2.0 on.
func headerSpan(data []byte) (start, length int, err error) {
	major, minor := data[6], data[7]
	rest := data[8:]
	switch {
	case minor != 0 || major < 1 || major > 3:
		return 0, 0, fmt.Errorf("format version %d.%d is unknown", major, minor)
	case major == 1 && len(rest) >= 2:
		return 10, int(binary.LittleEndian.Uint16(rest)), nil
	case major > 1 && len(rest) >= 4:
		return 12, int(min(binary.LittleEndian.Uint32(rest), maxHeader+1)), nil
	}
	return 0, 0, errors.New("file ends within the header")
}

// parseDict reads the dict literal of a header, such as
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// Each of the three keys must be there exactly once, and no other.
func parseDict(text string) (header, error) {
	var h header
	p := &parser{rest: text}
	seen := map[string]bool{}
	p.expect('{')
	for p.err == nil && !p.accept('}') {
		key := p.quoted()
		p.expect(':')
		if p.err == nil && seen[key] {
			p.fail("key %q twice", cut(key, 40))
		}
		seen[key] = true
		h.field(p, key)
		if !p.accept(',') {
			p.expect('}')
			break
		}
	}
	p.end()
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if p.err == nil && !seen[key] {
			p.fail("no key %q", key)
		}
	}
	if p.err == nil {
		p.err = h.check()
	}
	return h, p.err
}

// field reads the value of one key into h.
func (h *header) field(p *parser, key string) {
	if p.err != nil {
		return
	}
	switch key {
	case "descr":
		h.descr(p)
	case "fortran_order":
		h.fortran = p.boolean()
	case "shape":
		h.shape = p.tuple()
	default:
		p.fail("unknown key %q", cut(key, 40))
	}
}

// descr reads the item type: a string, or a list for records.
func (h *header) descr(p *parser) {
	if p.accept('[') {
		p.err = unsupported("structured dtype is not read, only plain numbers")
		return
	}
	name := p.quoted()
	if p.err != nil {
		return
	}
	var err error
	if h.dtype, err = parseDtype(name); err != nil {
		p.err = unsupported(err.Error())
	}
}

// check refuses the shapes that are no matrix and no list.
func (h *header) check() error {
	switch {
	case len(h.shape) == 0:
		return unsupported("a single number, not a list or a matrix")
	case len(h.shape) > 2:
		return unsupported(fmt.Sprintf("%d dimensions, only 1 and 2 are read", len(h.shape)))
	case len(h.shape) == 2 && h.shape[1] == 0:
		return unsupported("rows of no columns")
	case len(h.shape) == 2 && h.shape[0] == 0 && h.shape[1] > maxEmptyCols:
		return unsupported(fmt.Sprintf("no rows, of %d columns", h.shape[1]))
	}
	return nil
}

// A parser reads the few Python literals of a header. After the first error it
// does nothing.
type parser struct {
	rest string
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("header: "+format, args...)
	}
}

// skip drops leading white space.
func (p *parser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// accept drops c if it comes next.
func (p *parser) accept(c byte) bool {
	p.skip()
	if p.err != nil || p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) expect(c byte) {
	if !p.accept(c) {
		p.fail("%q expected at %q", c, cut(p.rest, 20))
	}
}

// end fails if anything but padding is left.
func (p *parser) end() {
	if p.skip(); p.rest != "" {
		p.fail("%q after the dict", cut(p.rest, 20))
	}
}

// quoted reads a string in single or double quotes, without escapes.
func (p *parser) quoted() string {
	quote := byte('\'')
	if p.accept('"') {
		quote = '"'
	} else {
		p.expect('\'')
	}
	end := strings.IndexByte(p.rest, quote)
	if end < 0 || strings.ContainsAny(p.rest[:end], "\\\n") {
		p.fail("string expected at %q", cut(p.rest, 20))
		return ""
	}
	s := p.rest[:end]
	p.rest = p.rest[end+1:]
	return s
}

func (p *parser) boolean() bool {
	p.skip()
	for word, value := range map[string]bool{"True": true, "False": false} {
		if rest, ok := strings.CutPrefix(p.rest, word); ok {
			p.rest = rest
			return value
		}
	}
	p.fail("True or False expected at %q", cut(p.rest, 20))
	return false
}

// tuple reads a tuple of whole numbers, the shape. A tuple of more than 32
// numbers, NumPy's old limit, is an error.
func (p *parser) tuple() []int {
	var shape []int
	p.expect('(')
	for p.err == nil && !p.accept(')') {
		if shape = append(shape, p.number()); len(shape) > 32 {
			p.fail("shape of more than 32 dimensions")
		}
		if !p.accept(',') {
			p.expect(')')
			break
		}
	}
	return shape
}

// number reads a whole number that is not negative; the L that Python 2 put
// behind long ones is dropped.
func (p *parser) number() int {
	p.skip()
	digits := p.rest[:len(p.rest)-len(strings.TrimLeft(p.rest, "0123456789"))]
	n, err := strconv.Atoi(digits)
	if err != nil {
		p.fail("size expected at %q", cut(p.rest, 20))
		return 0
	}
	p.rest = strings.TrimPrefix(p.rest[len(digits):], "L")
	return n
}
