package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a pickle. Checkpoints of thousands of tensors stay far below them.
const (
	maxPickle = 16 << 20 // bytes
	maxStack  = 1 << 17  // values on the stack
	maxMarks  = 1 << 10  // open marks
	maxMemo   = 1 << 20  // remembered values
	maxLong   = 128      // bytes of an integer
)

// The opcodes that torch's picklers write, protocols 1 to 5, and those of
// protocol 0 that come before its first tensor.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opPopMark         = '1'
	opDup             = '2'
	opFloat           = 'F'
	opInt             = 'I'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opLong            = 'L'
	opBinInt2         = 'M'
	opNone            = 'N'
	opPersID          = 'P'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opUnicode         = 'V'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opDict            = 'd'
	opAppends         = 'e'
	opGet             = 'g'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opList            = 'l'
	opPut             = 'p'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opSetItems        = 'u'
	opBinFloat        = 'G'
	opEmptyTuple      = ')'
	opEmptyList       = ']'
	opEmptyDict       = '}'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opProto           = 0x80
	opNewObj          = 0x81
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
)

var errStack = errors.New("pickle takes a value from an empty stack")

// An unpickler is a pickle machine that builds values and nothing else: it
// knows the globals of global.go and refuses all others.
type unpickler struct {
	data    []byte
	section string
	base    int64 // of data in the file
	pos     int
	stack   []Value
	marks   []int
	memo    map[uint32]Value
	// persistent resolves a persistent id, which torch uses for storages.
	persistent func(id Tuple) (Value, error)
}

// run executes one pickle, from pos to behind its STOP.
func (u *unpickler) run() (Value, error) {
	u.stack, u.marks, u.memo = nil, nil, make(map[uint32]Value)
	begin := u.pos
	for {
		start := u.pos
		op, err := u.take(1)
		if err != nil {
			return nil, u.fail(start, err)
		}
		if op[0] == opStop {
			v, err := u.pop()
			if err != nil {
				return nil, u.fail(start, err)
			}
			return v, nil
		}
		if err := u.step(op[0]); err != nil {
			return nil, u.fail(start, err)
		}
		switch {
		case u.pos-begin > maxPickle:
			return nil, u.fail(start, fmt.Errorf("pickle is longer than %d bytes", maxPickle))
		case len(u.stack) > maxStack:
			return nil, u.fail(start, fmt.Errorf("pickle stacks more than %d values", maxStack))
		case len(u.marks) > maxMarks:
			return nil, u.fail(start, fmt.Errorf("pickle nests more than %d marks", maxMarks))
		case len(u.memo) > maxMemo:
			return nil, u.fail(start, fmt.Errorf("pickle remembers more than %d values", maxMemo))
		}
	}
}

// fail gives err the place of the opcode at start.
func (u *unpickler) fail(start int, err error) error {
	if c, ok := err.(*CorruptionError); ok {
		return c
	}
	return &CorruptionError{Section: u.section, Offset: u.base + int64(start), Err: err}
}

// step executes one opcode other than STOP.
func (u *unpickler) step(op byte) error {
	switch op {
	case opProto, opFrame, opMark, opPop, opPopMark, opDup:
		return u.control(op)
	case opPut, opBinPut, opLongBinPut, opMemoize, opGet, opBinGet, opLongBinGet:
		return u.remember(op)
	case opNone:
		u.push(nil)
	case opNewTrue:
		u.push(true)
	case opNewFalse:
		u.push(false)
	case opInt, opLong, opBinInt, opBinInt1, opBinInt2, opLong1, opLong4, opFloat, opBinFloat:
		return u.number(op)
	case opUnicode, opBinUnicode, opShortBinUnicode, opBinUnicode8, opBinString, opShortBinString,
		opBinBytes, opShortBinBytes, opBinBytes8:
		return u.text(op)
	case opEmptyTuple, opTuple1, opTuple2, opTuple3, opTuple, opEmptyList, opList, opAppend, opAppends,
		opEmptyDict, opDict, opSetItem, opSetItems:
		return u.container(op)
	case opGlobal, opStackGlobal, opReduce, opNewObj, opBuild, opPersID, opBinPersID:
		return u.object(op)
	default:
		return fmt.Errorf("pickle opcode 0x%02x is none that a checkpoint uses", op)
	}
	return nil
}

// control executes the opcodes of framing and of the stack.
func (u *unpickler) control(op byte) error {
	switch op {
	case opProto:
		b, err := u.take(1)
		if err != nil {
			return err
		}
		if b[0] > 5 {
			return fmt.Errorf("pickle protocol %d is newer than 5", b[0])
		}
	case opFrame:
		b, err := u.take(8)
		if err != nil {
			return err
		}
		if n := binary.LittleEndian.Uint64(b); n > uint64(len(u.data)-u.pos) {
			return fmt.Errorf("pickle frame of %d bytes goes past the end", n)
		}
	case opMark:
		u.marks = append(u.marks, len(u.stack))
	case opPop:
		// A mark on top is what is popped, as in Python.
		if n := len(u.marks); n > 0 && u.marks[n-1] == len(u.stack) {
			u.marks = u.marks[:n-1]
			return nil
		}
		_, err := u.pop()
		return err
	case opPopMark:
		_, err := u.popMark()
		return err
	case opDup:
		v, err := u.top()
		if err != nil {
			return err
		}
		u.push(v)
	}
	return nil
}

// remember executes the opcodes of the memo.
func (u *unpickler) remember(op byte) error {
	var id uint32
	switch op {
	case opMemoize:
		id = uint32(len(u.memo))
	case opBinPut, opBinGet:
		b, err := u.take(1)
		if err != nil {
			return err
		}
		id = uint32(b[0])
	case opLongBinPut, opLongBinGet:
		b, err := u.take(4)
		if err != nil {
			return err
		}
		id = binary.LittleEndian.Uint32(b)
	case opPut, opGet:
		line, err := u.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(line, 10, 32)
		if err != nil {
			return fmt.Errorf("memo number %s is out of bounds", printable(line))
		}
		id = uint32(n)
	}
	switch op {
	case opGet, opBinGet, opLongBinGet:
		v, ok := u.memo[id]
		if !ok {
			return fmt.Errorf("memo has no value %d", id)
		}
		u.push(v)
		return nil
	}
	v, err := u.top()
	if err != nil {
		return err
	}
	u.memo[id] = v
	return nil
}

// numberWidth is the bytes that follow a binary number's opcode.
var numberWidth = [256]uint8{opBinInt: 4, opBinInt1: 1, opBinInt2: 2, opLong1: 1, opLong4: 4, opBinFloat: 8}

// number executes the opcodes of integers and floats.
func (u *unpickler) number(op byte) error {
	if w := numberWidth[op]; w > 0 {
		b, err := u.take(int(w))
		if err != nil {
			return err
		}
		switch op {
		case opBinInt:
			u.push(int64(int32(binary.LittleEndian.Uint32(b))))
		case opBinInt1:
			u.push(int64(b[0]))
		case opBinInt2:
			u.push(int64(binary.LittleEndian.Uint16(b)))
		case opBinFloat:
			u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		case opLong1:
			return u.long(int64(b[0]))
		case opLong4:
			return u.long(int64(int32(binary.LittleEndian.Uint32(b))))
		}
		return nil
	}
	line, err := u.line()
	if err != nil {
		return err
	}
	if op == opFloat {
		f, err := strconv.ParseFloat(line, 64)
		if err != nil {
			return fmt.Errorf("float %s cannot be read", printable(line))
		}
		u.push(f)
		return nil
	}
	switch {
	case op == opInt && line == "00":
		u.push(false)
		return nil
	case op == opInt && line == "01":
		u.push(true)
		return nil
	}
	if len(line) > 2*maxLong {
		return fmt.Errorf("integer of %d digits is out of bounds", len(line))
	}
	n, ok := new(big.Int).SetString(strings.TrimSuffix(line, "L"), 10)
	if !ok {
		return fmt.Errorf("integer %s cannot be read", printable(line))
	}
	u.push(integer(n))
	return nil
}

// long pushes a little-endian two's complement integer of n bytes.
func (u *unpickler) long(n int64) error {
	if n < 0 || n > maxLong {
		return fmt.Errorf("integer of %d bytes is out of bounds", n)
	}
	b, err := u.take(int(n))
	if err != nil {
		return err
	}
	be := make([]byte, n)
	for i, c := range b {
		be[len(be)-1-i] = c
	}
	v := new(big.Int).SetBytes(be)
	if n > 0 && be[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	u.push(integer(v))
	return nil
}

// integer returns an int64 where the number fits one.
func integer(n *big.Int) Value {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// text executes the opcodes of strings and bytes.
func (u *unpickler) text(op byte) error {
	if op == opUnicode {
		line, err := u.line()
		if err != nil {
			return err
		}
		if strings.Contains(line, `\`) || !utf8.ValidString(line) {
			return fmt.Errorf("string %s is escaped, which no key of a checkpoint is", printable(line))
		}
		u.push(line)
		return nil
	}
	width := 4
	switch op {
	case opShortBinUnicode, opShortBinString, opShortBinBytes:
		width = 1
	case opBinUnicode8, opBinBytes8:
		width = 8
	}
	b, err := u.take(width)
	if err != nil {
		return err
	}
	var size [8]byte
	copy(size[:], b)
	n := binary.LittleEndian.Uint64(size[:])
	if n > maxPickle {
		return fmt.Errorf("string of %d bytes is out of bounds", n)
	}
	if b, err = u.take(int(n)); err != nil {
		return err
	}
	switch op {
	case opBinBytes, opShortBinBytes, opBinBytes8:
		u.push(bytes.Clone(b))
		return nil
	}
	if !utf8.Valid(b) {
		return fmt.Errorf("string %s is not utf-8", printable(string(b)))
	}
	u.push(string(b))
	return nil
}

// container executes the opcodes of tuples, lists and dicts.
func (u *unpickler) container(op byte) error {
	switch op {
	case opEmptyTuple:
		u.push(Tuple{})
	case opEmptyList:
		u.push(&List{})
	case opEmptyDict:
		u.push(&Dict{})
	case opTuple1, opTuple2, opTuple3:
		items, err := u.popN(int(op-opTuple1) + 1)
		if err != nil {
			return err
		}
		u.push(Tuple(items))
	case opAppend, opSetItem:
		n := 1
		if op == opSetItem {
			n = 2
		}
		items, err := u.popN(n)
		if err != nil {
			return err
		}
		return u.extend(op == opSetItem, items)
	default:
		items, err := u.popMark()
		if err != nil {
			return err
		}
		switch op {
		case opTuple:
			u.push(Tuple(items))
		case opList:
			u.push(&List{Items: items})
		case opDict:
			u.push(&Dict{})
			return u.extend(true, items)
		default:
			return u.extend(op == opSetItems, items)
		}
	}
	return nil
}

// extend adds items to the list or dict on top of the stack.
func (u *unpickler) extend(dict bool, items []Value) error {
	v, err := u.top()
	if err != nil {
		return err
	}
	if !dict {
		l, ok := v.(*List)
		if !ok {
			return fmt.Errorf("items are appended to %s", Kind(v))
		}
		l.Items = append(l.Items, items...)
		return nil
	}
	d, ok := v.(*Dict)
	if !ok {
		return fmt.Errorf("items are set in %s", Kind(v))
	}
	if len(items)%2 != 0 {
		return errors.New("a dict key has no value")
	}
	for i := 0; i < len(items); i += 2 {
		if err := d.set(items[i], items[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// object executes the opcodes that name, call or refer to something.
func (u *unpickler) object(op byte) error {
	switch op {
	case opGlobal:
		module, err := u.line()
		if err != nil {
			return err
		}
		name, err := u.line()
		if err != nil {
			return err
		}
		return u.global(module, name)
	case opStackGlobal:
		pair, err := u.popN(2)
		if err != nil {
			return err
		}
		module, ok1 := pair[0].(string)
		name, ok2 := pair[1].(string)
		if !ok1 || !ok2 {
			return fmt.Errorf("a global is named by %s and %s", Kind(pair[0]), Kind(pair[1]))
		}
		return u.global(module, name)
	case opReduce, opNewObj:
		pair, err := u.popN(2)
		if err != nil {
			return err
		}
		args, ok := pair[1].(Tuple)
		if !ok {
			return fmt.Errorf("call arguments are %s", Kind(pair[1]))
		}
		v, err := u.call(pair[0], args)
		if err != nil {
			return err
		}
		u.push(v)
	case opBuild:
		if _, err := u.pop(); err != nil {
			return err
		}
		v, err := u.top()
		if err != nil {
			return err
		}
		// A state dict carries the versions of its modules this way; they say
		// nothing about tensors.
		if _, ok := v.(*Dict); !ok {
			return fmt.Errorf("%w: state is set on %s", ErrCall, Kind(v))
		}
	case opPersID:
		return fmt.Errorf("%w: pickle protocol 0 cannot hold tensors", ErrUnsupported)
	case opBinPersID:
		v, err := u.pop()
		if err != nil {
			return err
		}
		id, ok := v.(Tuple)
		if !ok || u.persistent == nil {
			return fmt.Errorf("a persistent id is %s", Kind(v))
		}
		if v, err = u.persistent(id); err != nil {
			return err
		}
		u.push(v)
	}
	return nil
}

// take returns the next n bytes.
func (u *unpickler) take(n int) ([]byte, error) {
	if n > len(u.data)-u.pos {
		return nil, errors.New("pickle is cut short")
	}
	b := u.data[u.pos : u.pos+n]
	u.pos += n
	return b, nil
}

// line returns the text up to the next newline.
func (u *unpickler) line() (string, error) {
	const most = 4096
	rest := u.data[u.pos:]
	i := bytes.IndexByte(rest[:min(len(rest), most)], '\n')
	if i < 0 {
		return "", fmt.Errorf("pickle line has no end within %d bytes", most)
	}
	u.pos += i + 1
	return string(rest[:i]), nil
}

func (u *unpickler) push(v Value) { u.stack = append(u.stack, v) }

// floor is the stack height that values may be popped down to.
func (u *unpickler) floor() int {
	if n := len(u.marks); n > 0 {
		return u.marks[n-1]
	}
	return 0
}

// top returns the value on top of the stack.
func (u *unpickler) top() (Value, error) {
	if len(u.stack) <= u.floor() {
		return nil, errStack
	}
	return u.stack[len(u.stack)-1], nil
}

// pop removes the value on top of the stack.
func (u *unpickler) pop() (Value, error) {
	v, err := u.top()
	if err == nil {
		u.stack = u.stack[:len(u.stack)-1]
	}
	return v, err
}

// popN removes the n topmost values and returns them, deepest first.
func (u *unpickler) popN(n int) ([]Value, error) {
	if len(u.stack)-u.floor() < n {
		return nil, errStack
	}
	return u.cut(len(u.stack) - n), nil
}

// popMark removes everything above the last mark, and the mark.
func (u *unpickler) popMark() ([]Value, error) {
	n := len(u.marks)
	if n == 0 {
		return nil, errors.New("pickle has no mark to go back to")
	}
	items := u.cut(u.marks[n-1])
	u.marks = u.marks[:n-1]
	return items, nil
}

// cut removes and returns the values from height i on.
func (u *unpickler) cut(i int) []Value {
	items := make([]Value, len(u.stack)-i)
	copy(items, u.stack[i:])
	clear(u.stack[i:])
	u.stack = u.stack[:i]
	return items
}
