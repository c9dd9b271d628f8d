package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"sync"
	"testing"
)

// A zipEntry is an entry of a test's archive.
type zipEntry struct {
	name, body string
	deflate    bool
}

// archive returns a zip file.
func archive(t testing.TB, entries ...zipEntry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		method := zip.Store
		if e.deflate {
			method = zip.Deflate
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onePickle is the pickle of {"w": a float32 tensor of two elements}.
var onePickle = "\x80\x02}U\x01w" + tensorPickle("storage", "0", 2, 2) + "s."

// tensorPickle returns the opcodes of a float32 tensor of one dimension.
func tensorPickle(kind, key string, elems, n byte) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n((" + short(kind) + "ctorch\nFloatStorage\n" + short(key) + short("cpu") +
		"K" + string([]byte{elems}) + "tQK\x00K" + string([]byte{n}) + "\x85K\x01\x85\x89}tR"
}

// short returns the opcode of a short string.
func short(s string) string { return "U" + string([]byte{byte(len(s))}) + s }

func TestZip(t *testing.T) {
	pkl := zipEntry{name: "a/data.pkl", body: onePickle}
	data := zipEntry{name: "a/data/0", body: "\x00\x00\x80\x3f\x00\x00\x00\x40"}
	for _, c := range []struct {
		name    string
		entries []zipEntry
		message string // none where the file is good
	}{
		{"good", []zipEntry{pkl, data}, ""},
		{"good, little", []zipEntry{pkl, data, {name: "a/byteorder", body: "little"}}, ""},
		{"byte order", []zipEntry{pkl, data, {name: "a/byteorder", body: "mid"}}, "entry a/byteorder at byte 255: byte order mid is neither little nor big"},
		{"empty", nil, "zip directory: not a checkpoint: has no entry data.pkl"},
		{"no folder", []zipEntry{{name: "data.pkl", body: onePickle}}, "zip directory: not a checkpoint: has no entry data.pkl"},
		{"two folders", []zipEntry{pkl, data, {name: "b/data/1"}}, "entry b/data/1: lies outside the folder a/"},
		{"twice", []zipEntry{pkl, data, data}, "entry a/data/0: is there twice"},
		{"torchscript", []zipEntry{pkl, data, {name: "a/constants.pkl"}}, "entry a/constants.pkl: not supported: a TorchScript archive; save a state_dict"},
		{"code", []zipEntry{pkl, data, {name: "a/code/x.py"}}, "entry a/code/x.py: not supported: a TorchScript archive; save a state_dict"},
		{"absolute", []zipEntry{pkl, data, {name: "/etc/passwd"}}, "entry /etc/passwd: path leaves the archive"},
		{"dots", []zipEntry{pkl, data, {name: "a/../../x"}}, "entry a/../../x: path leaves the archive"},
		{"drive", []zipEntry{pkl, data, {name: `a/c:\x`}}, `entry a/c:\x: path leaves the archive`},
		{"compressed", []zipEntry{pkl, data, {name: "a/x", body: "x", deflate: true}}, "entry a/x: not supported: entry is compressed, torch never does that"},
		{"missing", []zipEntry{pkl}, "entry a/data/0: is missing"},
		{"short", []zipEntry{pkl, {name: "a/data/0", body: "1234567"}}, "entry a/data/0 at byte 190: has 7 bytes, not the 8 of 2 float32"},
		{"long", []zipEntry{pkl, {name: "a/data/0", body: "123456789"}}, "entry a/data/0 at byte 190: has 9 bytes, not the 8 of 2 float32"},
	} {
		f, err := Parse("f", archive(t, c.entries...))
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

// wantOneTwo checks the tensor of onePickle.
func wantOneTwo(t *testing.T, f *File) {
	t.Helper()
	v, ok := f.Tensor("w")
	if !ok {
		t.Fatal("no tensor")
	}
	if a, err := v.Float32(); err != nil || len(a) != 2 || a[0] != 1 || a[1] != 2 {
		t.Errorf("%v, %v", a, err)
	}
}

// TestZipChecksums flips each byte of data.pkl, byteorder and the storage.
func TestZipChecksums(t *testing.T) {
	good := archive(t, zipEntry{name: "a/data.pkl", body: onePickle}, zipEntry{name: "a/byteorder", body: "little"},
		zipEntry{name: "a/data/0", body: "\x00\x00\x80\x3f\x00\x00\x00\x40"})
	for _, body := range []string{onePickle, "little", "\x00\x00\x80\x3f\x00\x00\x00\x40"} {
		at := bytes.Index(good, []byte(body))
		for i := range len(body) {
			bad := bytes.Clone(good)
			bad[at+i] ^= 0x10
			f, err := Parse("f", bad)
			if err == nil {
				v, _ := f.Tensor("w")
				_, err = v.Float32()
			}
			if err == nil || !strings.Contains(err.Error(), "crc-32 of the bytes is") {
				t.Errorf("byte %d of %q: %v", i, body, err)
			}
		}
	}
}

// TestZipConcurrent uses one damaged storage from many goroutines.
func TestZipConcurrent(t *testing.T) {
	f := open(t, tiny+"/bad/crc_mismatch.pt")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			v, _ := f.Tensor("decoder.weight")
			if _, err := v.Float32(); err == nil || !strings.HasPrefix(err.Error(), f.Path()+": entry ") {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestZipExpanded reads a view that repeats its only element: as often as the
// file has bytes, and not more often.
func TestZipExpanded(t *testing.T) {
	for n, ok := range map[string]bool{"K\x28": true, "J\x00\x00\x01\x00": false} {
		pickle := strings.Replace(onePickle, "K\x00K\x02\x85K\x01\x85", "K\x00"+n+"\x85K\x00\x85", 1)
		f, err := Parse("f", archive(t, zipEntry{name: "a/data.pkl", body: pickle}, zipEntry{name: "a/data/0", body: oneTwo}))
		if (err == nil) != ok {
			t.Errorf("%q: %v", n, err)
		}
		if err != nil {
			continue
		}
		v, _ := f.Tensor("w")
		if a, err := v.Float32(); err != nil || len(a) != 40 || a[0] != 1 || a[39] != 1 {
			t.Errorf("%v, %v", a, err)
		}
	}
}

// TestZip64 reads an archive whose sizes and offsets are all in the 64-bit
// fields, as torch writes them for large models.
func TestZip64(t *testing.T) {
	le := binary.LittleEndian
	var b, dir []byte
	for _, e := range []zipEntry{
		{name: "a/data.pkl", body: onePickle},
		{name: "a/data/0", body: "\x00\x00\x80\x3f\x00\x00\x00\x40"},
	} {
		sum, size, start := crc32.ChecksumIEEE([]byte(e.body)), uint64(len(e.body)), uint64(len(b))
		extra := le.AppendUint16(le.AppendUint16(nil, 1), 16)
		extra = le.AppendUint64(le.AppendUint64(extra, size), size)
		b = append(b, "PK\x03\x04\x2d\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
		b = le.AppendUint32(b, sum)
		b = append(b, "\xff\xff\xff\xff\xff\xff\xff\xff"...)
		b = le.AppendUint16(le.AppendUint16(b, uint16(len(e.name))), uint16(len(extra)))
		b = append(append(append(b, e.name...), extra...), e.body...)

		extra = le.AppendUint16(le.AppendUint16(nil, 1), 24)
		extra = le.AppendUint64(le.AppendUint64(le.AppendUint64(extra, size), size), start)
		dir = append(dir, "PK\x01\x02\x2d\x00\x2d\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
		dir = le.AppendUint32(dir, sum)
		dir = append(dir, "\xff\xff\xff\xff\xff\xff\xff\xff"...)
		dir = le.AppendUint16(le.AppendUint16(dir, uint16(len(e.name))), uint16(len(extra)))
		dir = append(dir, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"...)
		dir = append(append(dir, e.name...), extra...)
	}
	dirAt := uint64(len(b))
	b = append(b, dir...)
	endAt := uint64(len(b))
	b = append(b, "PK\x06\x06\x2c\x00\x00\x00\x00\x00\x00\x00\x2d\x00\x2d\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	b = le.AppendUint64(le.AppendUint64(b, 2), 2)
	b = le.AppendUint64(le.AppendUint64(b, uint64(len(dir))), dirAt)
	b = append(b, "PK\x06\x07\x00\x00\x00\x00"...)
	b = le.AppendUint32(le.AppendUint64(b, endAt), 1)
	b = append(b, "PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"...)
	f, err := Parse("f", b)
	if err != nil {
		t.Fatal(err)
	}
	wantOneTwo(t, f)
}
