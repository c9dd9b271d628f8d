package checkpoint

import (
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
)

// unpickle runs a pickle with storages of as many elements as they say.
func unpickle(data []byte) (Value, error) {
	f := &File{path: "f"}
	u := &unpickler{data: data, section: "p", persistent: func(id Tuple) (Value, error) {
		s, err := readStorageID(id)
		if err != nil {
			return nil, err
		}
		return &storage{file: f, key: s.key, dtype: s.dtype, elems: int(s.elems)}, nil
	}}
	return u.run()
}

func TestPickleValues(t *testing.T) {
	large, _ := new(big.Int).SetString("119547037146038801333356", 10)
	for _, c := range []struct {
		pickle string
		want   Value
	}{
		{"N.", nil},
		{"I01\n.", true},
		{"I00\n.", false},
		{"\x80\x02\x88.", true},
		{"I-12\n.", int64(-12)},
		{"L12L\n.", int64(12)},
		{legacyText + ".", large},
		{"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", large},
		{"\x8a\x00.", int64(0)},
		{"\x8a\x01\xff.", int64(-1)},
		{"\x8a\x02\xff\x00.", int64(255)},
		{"\x8b\x01\x00\x00\x00\x80.", int64(-128)},
		{"J\xfe\xff\xff\xff.", int64(-2)},
		{"M\x01\x02.", int64(513)},
		{"F1.5\n.", 1.5},
		{"G\x3f\xf8\x00\x00\x00\x00\x00\x00.", 1.5},
		{"Vabc\n.", "abc"},
		{"U\x02ab.", "ab"},
		{"T\x02\x00\x00\x00ab.", "ab"},
		{"X\x02\x00\x00\x00ab.", "ab"},
		{"\x8c\x02ab.", "ab"},
		{"\x8d\x02\x00\x00\x00\x00\x00\x00\x00ab.", "ab"},
		{"C\x01\xff.", []byte{0xff}},
		{"B\x01\x00\x00\x00\xff.", []byte{0xff}},
		{"\x8e\x01\x00\x00\x00\x00\x00\x00\x00\xff.", []byte{0xff}},
		{").", Tuple{}},
		{"(K\x01K\x02t.", Tuple{int64(1), int64(2)}},
		{"K\x01\x85.", Tuple{int64(1)}},
		{"K\x01K\x02\x86.", Tuple{int64(1), int64(2)}},
		{"NNN\x87.", Tuple{nil, nil, nil}},
		{"].", &List{}},
		{"(K\x01l.", &List{Items: []Value{int64(1)}}},
		{"]K\x01a.", &List{Items: []Value{int64(1)}}},
		{"](K\x01K\x02e.", &List{Items: []Value{int64(1), int64(2)}}},
		{"NK\x010.", nil},
		{"N(K\x01K\x021.", nil},
		{"N(0.", nil},
		{"K\x012\x86.", Tuple{int64(1), int64(1)}},
		{"K\x07q\x050h\x05.", int64(7)},
		{"K\x07r\x05\x01\x00\x000j\x05\x01\x00\x00.", int64(7)},
		{"K\x07p300\n0g300\n.", int64(7)},
		{"\x80\x04\x95\x04\x00\x00\x00\x00\x00\x00\x00K\x07\x940h\x00.", int64(7)},
		{"ctorch\nSize\n(K\x03K\x04t\x85R.", Tuple{int64(3), int64(4)}},
		{"ctorch\ndevice\nU\x03cpu\x85R.", "cpu"},
		{"ctorch\nbfloat16\n.", BFloat16},
		{"\x8c\x05torch\x8c\x07float32\x93.", Float32},
	} {
		got, err := unpickle([]byte(c.pickle))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %v, %v; want %v", c.pickle, got, err, c.want)
		}
	}
}

func TestPickleDicts(t *testing.T) {
	for _, pickle := range []string{
		"}(U\x01aK\x01U\x01bK\x02u.",
		"(U\x01aK\x01U\x01bK\x02d.",
		"}U\x01aK\x01sU\x01bK\x02s.",
		"}U\x01aK\x07sU\x01bK\x02sU\x01aK\x01s.", // the later value, in the older place
		"ccollections\nOrderedDict\n)R(U\x01aK\x01U\x01bK\x02u}b.",
		"ccollections\nOrderedDict\n)\x81(U\x01aK\x01U\x01bK\x02u.",
		"ccollections\nOrderedDict\n](U\x01aK\x01\x86](U\x01bK\x02ee\x85R.",
	} {
		v, err := unpickle([]byte(pickle))
		d, ok := v.(*Dict)
		if err != nil || !ok || !reflect.DeepEqual(d.Keys(), []string{"a", "b"}) {
			t.Errorf("%q: %v, %v", pickle, v, err)
			continue
		}
		a, _ := d.Get("a")
		b, _ := d.Get("b")
		if a != Value(int64(1)) || b != Value(int64(2)) {
			t.Errorf("%q: %v, %v", pickle, a, b)
		}
		if _, ok := d.OtherKey(); ok {
			t.Errorf("%q: has another key", pickle)
		}
	}
	v, err := unpickle([]byte("}(K\x01NU\x01aNu."))
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := v.(*Dict).OtherKey(); !ok || key != Value(int64(1)) {
		t.Errorf("%v, %v", key, ok)
	}
}

func TestPickleRefuses(t *testing.T) {
	call := func(args string) string { return "ctorch._utils\n_rebuild_tensor_v2\n(" + args + "tR." }
	st := "(" + short("storage") + "ctorch\nFloatStorage\nU\x010U\x03cpuK\x04tQ"
	for _, c := range []struct{ pickle, message string }{
		{"", "at byte 0: pickle is cut short"},
		{".", "at byte 0: pickle takes a value from an empty stack"},
		{"(.", "at byte 1: pickle takes a value from an empty stack"},
		{"N(\x85.", "at byte 2: pickle takes a value from an empty stack"},
		{"t.", "at byte 0: pickle has no mark to go back to"},
		{"N", "at byte 1: pickle is cut short"},
		{"\x80\x06.", "at byte 0: pickle protocol 6 is newer than 5"},
		{"\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "at byte 0: pickle frame of 18446744073709551615 bytes goes past the end"},
		{"i.", "at byte 0: pickle opcode 0x69 is none that a checkpoint uses"},
		{"\x82\x01.", "at byte 0: pickle opcode 0x82 is none that a checkpoint uses"},
		{"P0\n.", "at byte 0: not supported: pickle protocol 0 cannot hold tensors"},
		{"NQ.", "at byte 1: a persistent id is None"},
		{")Q.", "at byte 1: persistent id is empty"},
		{"h\x01.", "at byte 0: memo has no value 1"},
		{"g-1\n.", "at byte 0: memo number -1 is out of bounds"},
		{"I1", "at byte 0: pickle line has no end within 4096 bytes"},
		{"I1x\n.", "at byte 0: integer 1x cannot be read"},
		{"I" + strings.Repeat("1", 300) + "\n.", "at byte 0: integer of 300 digits is out of bounds"},
		{"Fx\n.", "at byte 0: float x cannot be read"},
		{"\x8a\xff", "at byte 0: integer of 255 bytes is out of bounds"},
		{"\x8b\xff\xff\xff\xff", "at byte 0: integer of -1 bytes is out of bounds"},
		{"X\xff\xff\xff\xff", "at byte 0: string of 4294967295 bytes is out of bounds"},
		{"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "at byte 0: string of 18446744073709551615 bytes is out of bounds"},
		{"X\xff\xff\x00\x00", "at byte 0: pickle is cut short"},
		{"U\x01\xff.", `at byte 0: string "\xff" is not utf-8`},
		{`V\u0041` + "\n.", `at byte 0: string \u0041 is escaped, which no key of a checkpoint is`},
		{"NNa.", "at byte 2: items are appended to None"},
		{"NNNs.", "at byte 3: items are set in None"},
		{"}(Nu.", "at byte 3: a dict key has no value"},
		{"}]Ns.", "at byte 3: a dict key is a list"},
		{"NNb.", "at byte 2: a checkpoint may not call code: state is set on None"},
		{"N)R.", "at byte 2: a checkpoint may not call code: None is called"},
		{"ctorch\nSize\nNR.", "at byte 13: call arguments are None"},
		{"ctorch\nSize\n)R.", "at byte 13: arguments of torch.Size cannot be read"},
		{"ctorch\nFloatStorage\n)R.", "at byte 21: a checkpoint may not call code: an object is called"},
		{"NN\x93.", "at byte 2: a global is named by None and None"},
		{"cos\nsystem\n.", "at byte 0: refuses the global os.system: a checkpoint may not call code"},
		{"\x8c\x02os\x8c\x06system\x93.", "at byte 12: refuses the global os.system: a checkpoint may not call code"},
		{"ctorch._utils\n_rebuild_qtensor\n.", "at byte 0: refuses the global torch._utils._rebuild_qtensor: a checkpoint may not call code"},
		{"ca b\nc\x1b\n.", `at byte 0: refuses the global "a b.c\x1b": a checkpoint may not call code`},
		{call("N"), "at byte 36: torch._utils._rebuild_tensor_v2 has 1 arguments"},
		{call("NK\x00))\x89N"), "at byte 42: storage is None"},
		{call(st + "N))\x89N"), "at byte 82: offset is None"},
		{call(st + "K\x00N)\x89N"), "at byte 83: size: None, not a tuple"},
		{call(st + "K\x00)N\x89N"), "at byte 83: stride: None, not a tuple"},
		{call(st + "K\x00J\xff\xff\xff\xff\x85K\x01\x85\x89N"), "at byte 90: size: dimension 0 is out of bounds"},
		{call(st + "K\x04))\x89N"), "at byte 83: shape [] with strides [] and offset 4 reaches element 4 of storage 0, which has 4"},
		{call(st + "K\x00))\x89N}" + "U\x03neg\x88s"), "at byte 91: not supported: a conjugate or negative view"},
	} {
		_, err := unpickle([]byte(c.pickle))
		if err == nil || err.Error() != ": p "+c.message {
			t.Errorf("%q:\n got %v\nwant : p %s", c.pickle, err, c.message)
		}
		if strings.Contains(c.message, "may not call code") != errors.Is(err, ErrCall) {
			t.Errorf("%q: %v is ErrCall: %v", c.pickle, err, errors.Is(err, ErrCall))
		}
	}
}

// TestPickleBounds runs pickles that grow without end.
func TestPickleBounds(t *testing.T) {
	for _, c := range []struct{ pickle, message string }{
		{strings.Repeat("N", maxStack+1), ": p at byte 131072: pickle stacks more than 131072 values"},
		{strings.Repeat("(", maxMarks+1), ": p at byte 1024: pickle nests more than 1024 marks"},
		{"N" + strings.Repeat("\x94", maxMemo+1), ": p at byte 1048577: pickle remembers more than 1048576 values"},
		{strings.Repeat("N0", maxPickle/2+1), ": p at byte 16777216: pickle is longer than 16777216 bytes"},
	} {
		if _, err := unpickle([]byte(c.pickle)); err == nil || err.Error() != c.message {
			t.Errorf("%v", err)
		}
	}
}

// TestPickleTensorTypes builds a tensor by each of the ways there are.
func TestPickleTensorTypes(t *testing.T) {
	st := func(class string) string {
		return "(" + short("storage") + class + "U\x010U\x03cpuK\x04tQ"
	}
	view := "K\x01K\x03\x85K\x01\x85"
	v2 := "ctorch._utils\n_rebuild_tensor_v2\n(" + st("ctorch\nFloatStorage\n") + view + "\x89NtR"
	for _, pickle := range []string{
		v2 + ".",
		"ctorch._utils\n_rebuild_tensor\n(" + st("ctorch\nFloatStorage\n") + view + "tR.",
		"ctorch._utils\n_rebuild_parameter\n" + v2 + "\x88N\x87R.",
		"ctorch._utils\n_rebuild_parameter_with_state\n(" + v2 + "\x88N}tR.",
	} {
		v, err := unpickle([]byte(pickle))
		x, ok := v.(*Tensor)
		if err != nil || !ok || x.DType != Float32 || x.offset != 1 || !reflect.DeepEqual(x.Shape, []int{3}) {
			t.Errorf("%q: %v, %v", pickle, v, err)
		}
	}
	v3 := "ctorch._utils\n_rebuild_tensor_v3\n(" + st("ctorch.storage\nUntypedStorage\n") + "K\x00K\x02\x85K\x01\x85\x89Nctorch\nuint16\ntR."
	v, err := unpickle([]byte(v3))
	if x, ok := v.(*Tensor); err != nil || !ok || x.DType != Uint16 {
		t.Errorf("%v, %v", v, err)
	}
	over := strings.Replace(v3, "K\x02\x85", "K\x03\x85", 1)
	if _, err := unpickle([]byte(over)); err == nil || !strings.Contains(err.Error(), "reaches element 2 of storage 0, which has 2") {
		t.Error(err)
	}
}
