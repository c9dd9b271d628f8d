package checkpoint

import (
	"encoding/binary"
	"strings"
	"testing"
)

// legacyFile returns a legacy file: header pickles of protocol 2, the object,
// the keys, and the storages.
func legacyFile(object string, keys []string, storages ...string) []byte {
	b := "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + "\x80\x02M\xe9\x03." +
		"\x80\x02}" + short("little_endian") + "\x88s." + object + "\x80\x02]("
	for _, key := range keys {
		b += short(key)
	}
	b += "e."
	for _, s := range storages {
		b += string(binary.LittleEndian.AppendUint64(nil, uint64(len(s)/4))) + s
	}
	return []byte(b)
}

const oneTwo = "\x00\x00\x80\x3f\x00\x00\x00\x40"

func TestLegacy(t *testing.T) {
	good := string(legacyFile(onePickle, []string{"0"}, oneTwo))
	view := strings.Replace(onePickle, "K\x02tQ", "K\x04("+short("1")+"K\x01K\x02ttQ", 1)
	object := func(p string) []byte { return legacyFile(p, []string{"0"}, oneTwo) }
	for _, c := range []struct {
		name    string
		data    []byte
		message string
	}{
		{"good", []byte(good), ""},
		// A big-endian machine says so, and writes little-endian numbers.
		{"big-endian writer", []byte(strings.Replace(good, "\x88s.", "\x89s.", 1)), ""},
		{"bytes behind", []byte(good + "x"), ""},
		{"protocol 1", []byte(legacyText + ".I1001\n." + "}." + strings.TrimPrefix(onePickle, "\x80\x02") + "](U\x010e.\x02\x00\x00\x00\x00\x00\x00\x00" + oneTwo), ""},
		{"view", legacyFile(view, []string{"0"}, "\x00\x00\x00\x00"+oneTwo+"\x00\x00\x00\x00"), ""},
		{"view out of bounds", legacyFile(strings.Replace(view, "K\x01K\x02tt", "K\x03K\x02tt", 1), nil), "object at byte 132: view of storage 0 is out of bounds"},
		{"view short", legacyFile(strings.Replace(view, "K\x01K\x02tt", "K\x01tt", 1), nil), "object at byte 130: view of storage 0 cannot be read"},
		{"magic", []byte("\x80\x02K\x01."), "magic number at byte 0: not a checkpoint: a bare pickle, not one that torch.save wrote"},
		{"version", []byte(strings.Replace(good, "M\xe9\x03", "M\xe8\x03", 1)), "protocol version at byte 15: not supported: not 1001"},
		{"information", []byte(legacyText + ".I1001\n." + "N."), "system information at byte 35: None, not a dict"},
		{"keys", []byte(strings.Replace(good, "](U\x010e.", "N.", 1)), "storage keys at byte 138: None, not a list"},
		{"key", []byte(strings.Replace(good, "](U\x010e.", "](Ne.", 1)), "storage keys: key 0 is None"},
		{"unknown key", legacyFile(onePickle, []string{"0", "1"}, oneTwo), "storage keys: storage 1 belongs to no tensor"},
		{"key twice", legacyFile(onePickle, []string{"0", "0"}, oneTwo, oneTwo), "storage keys: storage 0 is there twice"},
		{"no key", legacyFile(onePickle, nil, oneTwo), "storage keys: storage 0 is missing"},
		{"size", legacyFile(onePickle, []string{"0"}, oneTwo+oneTwo), "storage 0 at byte 147: has 4 elements, its tensors say 2"},
		{"cut", []byte(good[:len(good)-1]), "storage 0 at byte 155: is cut short: 7 of 8 bytes"},
		{"cut size", []byte(good[:len(good)-9]), "storage 0 at byte 147: size is cut short"},
		{"larger than the file", object(strings.Replace(onePickle, "K\x02tQ", "J\xff\xff\xff\x7ftQ", 1)), "object at byte 126: storage 0 of 2147483647 float32 is larger than the file"},
		{"negative", object(strings.Replace(onePickle, "K\x02tQ", "J\xff\xff\xff\xfftQ", 1)), "object at byte 126: size of storage 0 is out of bounds"},
		{"module", object(strings.Replace(onePickle, short("storage"), short("module"), 1)), "object at byte 122: a checkpoint may not call code: a pickled module; save its state_dict"},
	} {
		f, err := Parse("f", c.data)
		if c.message != "" {
			if err == nil || err.Error() != "f: "+c.message {
				t.Errorf("%s: got %v, want %s", c.name, err, c.message)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		wantOneTwo(t, f)
	}
}
