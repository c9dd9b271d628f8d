package checkpoint

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// checkBudget runs f and fails where it allocates more than its input excuses:
// perByte times the input, and a constant for what there is always.
func checkBudget(t *testing.T, size int, f func()) {
	t.Helper()
	const perByte, always = 400, 1 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(perByte*size+always); got > most {
		t.Fatalf("%d bytes of input: %d allocated, more than %d", size, got, most)
	}
}

// checkError fails for an error that is not one line.
func checkError(t *testing.T, err error) {
	t.Helper()
	if text := err.Error(); strings.ContainsAny(text, "\n\r") || len(text) > 2000 {
		t.Fatalf("error is not one short line: %q", text)
	}
}

// use reads what there is to read of a file.
func use(t *testing.T, data []byte) {
	f, err := Parse("f", data)
	if err != nil {
		checkError(t, err)
		return
	}
	dict, err := f.StateDict()
	if err != nil {
		checkError(t, err)
		return
	}
	dict.OtherKey()
	for i, key := range dict.Keys() {
		v, ok := dict.Get(key)
		x, isTensor := v.(*Tensor)
		if !ok || !isTensor {
			Kind(v)
			continue
		}
		if i < 8 { // views of one storage may each have its size
			checkBudget(t, len(data), func() { read(t, x, len(data)) })
		}
	}
}

// read reads a tensor in all ways.
func read(t *testing.T, x *Tensor, size int) {
	if x.Len() > size {
		t.Fatalf("tensor of %d elements in %d bytes", x.Len(), size)
	}
	a, err := x.Float32()
	if err != nil {
		checkError(t, err)
	} else if len(a) != x.Len() {
		t.Fatalf("%d of %d elements", len(a), x.Len())
	}
	if _, err := x.Transpose().Float32(); err != nil {
		checkError(t, err)
	}
	if _, err := x.Scalar(); err != nil {
		checkError(t, err)
	}
}

// seed adds the small files of testdata with an ending.
func seed(f *testing.F, ending string) {
	paths, err := filepath.Glob(tiny + "/*/*" + ending)
	if err != nil || len(paths) == 0 {
		f.Fatal(paths, err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 8<<10 {
			f.Add(b)
		}
	}
}

func FuzzTorch(f *testing.F) {
	seed(f, ".pt")
	f.Add(archive(f, zipEntry{name: "a/data.pkl", body: onePickle}, zipEntry{name: "a/data/0", body: oneTwo}))
	f.Add(legacyFile(onePickle, []string{"0"}, oneTwo))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkBudget(t, len(data), func() { use(t, data) })
	})
}

// FuzzPickle puts its input into an archive, where a checksum would else keep
// changed pickles out.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(onePickle))
	for _, name := range []string{"good/sae_parameters.pt", "good/sae_pickle_protocol5.pt", "bad/deep_nesting.pt", "bad/nested_list_expansion.pt"} {
		b, err := os.ReadFile(filepath.Join(tiny, name))
		if err != nil {
			f.Fatal(err)
		}
		file := &File{path: name, data: b}
		if err := file.read(); err != nil {
			f.Fatal(err)
		}
		for i := range b {
			if strings.HasPrefix(string(b[i:]), "\x80\x02ccollections") || strings.HasPrefix(string(b[i:]), "\x80\x05\x95") {
				f.Add(b[i:min(len(b), i+4000)])
			}
		}
	}
	f.Fuzz(func(t *testing.T, pickle []byte) {
		if len(pickle) > 1<<16 {
			return
		}
		data := archive(t, zipEntry{name: "a/data.pkl", body: string(pickle)},
			zipEntry{name: "a/data/0", body: oneTwo}, zipEntry{name: "a/data/1", body: strings.Repeat(oneTwo, 16)})
		checkBudget(t, len(data), func() { use(t, data) })
		legacy := legacyFile(string(pickle), []string{"0"}, oneTwo)
		checkBudget(t, len(legacy), func() { use(t, legacy) })
	})
}

func FuzzSafetensors(f *testing.F) {
	seed(f, ".safetensors")
	f.Add(safeFile(`{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}`, "1234"))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkBudget(t, len(data), func() { use(t, data) })
	})
}

// FuzzSafetensorsHeader gives its input the right length.
func FuzzSafetensorsHeader(f *testing.F) {
	f.Add([]byte(`{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[],"data_offsets":[8,10]}}`), uint16(10))
	f.Add([]byte(`{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}`), uint16(4))
	f.Fuzz(func(t *testing.T, header []byte, body uint16) {
		data := safeFile(string(header), strings.Repeat("\x01", int(body)))
		checkBudget(t, len(data), func() { use(t, data) })
	})
}
