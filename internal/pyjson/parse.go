package pyjson

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth     = 980  // Python's recursion limit stops a little deeper
	maxIntDigits = 4300 // Python's limit for reading an integer
)

// A SyntaxError says what is wrong in a JSON text, and where.
type SyntaxError struct {
	Offset int // in bytes, from 0
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON at byte %d: %s", e.Offset+1, e.Reason)
}

// Parse reads one JSON value. White space may stand around it and nothing
// else; the text must be UTF-8. Errors are of type *SyntaxError.
func Parse(text string) (Value, error) {
	if i := invalidUTF8(text); i >= 0 {
		return Value{}, &SyntaxError{i, fmt.Sprintf("byte 0x%02x is not UTF-8", text[i])}
	}
	if strings.HasPrefix(text, "\ufeff") {
		return Value{}, &SyntaxError{0, "a byte-order mark; save the file as UTF-8 without one"}
	}
	p := parser{text: text}
	p.skipSpace()
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	p.skipSpace()
	if p.pos < len(p.text) {
		return Value{}, p.fail("more text after the value")
	}
	return v, nil
}

func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

type parser struct {
	text string
	pos  int
}

func (p *parser) fail(reason string) error { return &SyntaxError{p.pos, reason} }

func (p *parser) skipSpace() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek is the next byte, or 0 at the end (NUL cannot begin a value either).
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) word(w string) bool {
	if strings.HasPrefix(p.text[p.pos:], w) {
		p.pos += len(w)
		return true
	}
	return false
}

func (p *parser) value(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, p.fail(fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	switch c := p.peek(); {
	case c == '"':
		return p.str()
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case p.word("null"):
		return Value{}, nil
	case p.word("true"):
		return Value{Kind: True}, nil
	case p.word("false"):
		return Value{Kind: False}, nil
	case p.word("NaN"):
		return Value{Kind: Float, number: math.NaN()}, nil
	case p.word("Infinity"):
		return Value{Kind: Float, number: math.Inf(1)}, nil
	case p.word("-Infinity"):
		return Value{Kind: Float, number: math.Inf(-1)}, nil
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case p.pos >= len(p.text):
		return Value{}, p.fail("the text ends where a value should stand")
	}
	return Value{}, p.fail("a value should stand here")
}

func (p *parser) digits() int {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos - start
}

func (p *parser) number() (Value, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	whole := 1
	if p.peek() == '0' {
		p.pos++
	} else if whole = p.digits(); whole == 0 {
		p.pos = start
		return Value{}, p.fail("a value should stand here")
	}
	isFloat := p.fraction()
	isFloat = p.exponent() || isFloat
	text := p.text[start:p.pos]
	if isFloat {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return Value{}, p.fail(err.Error())
		}
		return Value{Kind: Float, number: f}, nil // out of range: an infinity, as in Python
	}
	if whole > maxIntDigits {
		return Value{}, p.fail(fmt.Sprintf("an integer of more than %d digits", maxIntDigits))
	}
	if text == "-0" {
		text = "0"
	}
	return Value{Kind: Int, text: text}, nil
}

// fraction passes ".digits"; a point without digits is left for the caller to
// trip over.
func (p *parser) fraction() bool {
	start := p.pos
	if p.peek() == '.' {
		p.pos++
		if p.digits() > 0 {
			return true
		}
	}
	p.pos = start
	return false
}

func (p *parser) exponent() bool {
	start := p.pos
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if p.digits() > 0 {
			return true
		}
	}
	p.pos = start
	return false
}

func (p *parser) array(depth int) (Value, error) {
	p.pos++
	v := Value{Kind: Array}
	p.skipSpace()
	if p.peek() == ']' {
		p.pos++
		return v, nil
	}
	for {
		p.skipSpace()
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.items = append(v.items, item)
		p.skipSpace()
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return v, nil
		default:
			return Value{}, p.fail("a comma or ] should stand here")
		}
	}
}

func (p *parser) object(depth int) (Value, error) {
	p.pos++
	v := Value{Kind: Object}
	at := map[string]int{}
	p.skipSpace()
	if p.peek() == '}' {
		p.pos++
		return v, nil
	}
	for {
		f, err := p.field(depth)
		if err != nil {
			return Value{}, err
		}
		if i, seen := at[f.key.text]; seen {
			v.fields[i].value = f.value
		} else {
			at[f.key.text] = len(v.fields)
			v.fields = append(v.fields, f)
		}
		p.skipSpace()
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return v, nil
		default:
			return Value{}, p.fail("a comma or } should stand here")
		}
	}
}

func (p *parser) field(depth int) (field, error) {
	p.skipSpace()
	if p.peek() != '"' {
		return field{}, p.fail("a key in double quotes should stand here")
	}
	key, err := p.str()
	if err != nil {
		return field{}, err
	}
	p.skipSpace()
	if p.peek() != ':' {
		return field{}, p.fail("a colon should stand here")
	}
	p.pos++
	p.skipSpace()
	value, err := p.value(depth + 1)
	return field{key, value}, err
}

// str reads a string. Half a surrogate pair is kept as the three bytes that
// UTF-8 would have for it, which no other text has, and marked.
func (p *parser) str() (Value, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] >= 0x20 && p.text[p.pos] != '"' && p.text[p.pos] != '\\' {
		p.pos++
	}
	if p.peek() == '"' { // no escapes, the common case
		p.pos++
		return Value{Kind: String, text: p.text[start : p.pos-1]}, nil
	}
	buf := []byte(p.text[start:p.pos])
	v := Value{Kind: String}
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			v.text = string(buf)
			return v, nil
		case c < 0x20:
			return Value{}, p.fail("a control character in a string; write it as \\u00" + fmt.Sprintf("%02x", c))
		case c != '\\':
			buf = append(buf, c)
			p.pos++
		default:
			r, err := p.escape()
			if err != nil {
				return Value{}, err
			}
			if r >= 0xD800 && r < 0xE000 {
				v.broken = true
				buf = append(buf, 0xED, byte(0x80|r>>6&0x3F), byte(0x80|r&0x3F))
			} else {
				buf = utf8.AppendRune(buf, r)
			}
		}
	}
	return Value{}, p.fail("the text ends inside a string")
}

// escape reads one escape, or the two of a surrogate pair.
func (p *parser) escape() (rune, error) {
	p.pos++
	c := p.peek()
	if c == 'u' {
		return p.unicodeEscape()
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if c == 0 || i < 0 {
		return 0, p.fail("not an escape that JSON knows")
	}
	p.pos++
	return rune("\"\\/\b\f\n\r\t"[i]), nil
}

func (p *parser) unicodeEscape() (rune, error) {
	high, ok := p.hex4(p.pos + 1)
	if !ok {
		return 0, p.fail("\\u should be followed by four hexadecimal digits")
	}
	p.pos += 5
	if high >= 0xD800 && high < 0xDC00 && strings.HasPrefix(p.text[p.pos:], `\u`) {
		if low, ok := p.hex4(p.pos + 2); ok && low >= 0xDC00 && low < 0xE000 {
			p.pos += 6
			return 0x10000 + (high-0xD800)<<10 + (low - 0xDC00), nil
		}
	}
	return high, nil
}

func (p *parser) hex4(at int) (rune, bool) {
	if at+4 > len(p.text) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.text[at : at+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
