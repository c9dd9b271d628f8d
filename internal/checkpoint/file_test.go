package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

const tiny = "../../testdata/tiny"

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestOpenFormats(t *testing.T) {
	for name, format := range map[string]string{
		"sae_plain.pt":          "torch zip",
		"sae_legacy.pt":         "torch legacy",
		"sae_plain.safetensors": "safetensors",
	} {
		b, err := os.ReadFile(filepath.Join(tiny, "good", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "weights") // the name says nothing
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, path)
		names := f.Names()
		slices.Sort(names)
		want := []string{"b_dec", "decoder.weight", "encoder.bias", "encoder.weight", "k", "threshold"}
		if f.Format() != format || f.Path() != path || !slices.Equal(names, want) {
			t.Errorf("%s: %s, %v", name, f.Format(), names)
		}
		if v, ok := f.Tensor("encoder.weight"); !ok || v.Name != "encoder.weight" || v.DType != Float32 || !slices.Equal(v.Shape, []int{96, 24}) {
			t.Errorf("%s: %+v", name, v)
		}
		if _, ok := f.Tensor("none"); ok {
			t.Errorf("%s: has a tensor that it has not", name)
		}
	}
}

// TestInPlace checks that aligned float32 is not copied.
func TestInPlace(t *testing.T) {
	for _, name := range []string{"sae_plain.pt", "sae_plain.safetensors"} {
		f := open(t, filepath.Join(tiny, "good", name))
		v, _ := f.Tensor("decoder.weight")
		a, err := v.Float32()
		if err != nil {
			t.Fatal(err)
		}
		from, to := uintptr(unsafe.Pointer(&f.data[0])), uintptr(unsafe.Pointer(&f.data[len(f.data)-1]))
		if at := uintptr(unsafe.Pointer(&a[0])); hostLittle && at%4 == 0 && (at < from || at > to) && v.st.pos%4 == 0 {
			t.Errorf("%s: was copied", name)
		}
		if n := testing.AllocsPerRun(10, func() { v.Float32() }); hostLittle && v.st.pos%4 == 0 && n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestClose(t *testing.T) {
	f := open(t, tiny+"/good/sae_plain.pt")
	v, _ := f.Tensor("b_dec")
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Float32(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tar := make([]byte, 1024)
	copy(tar[257:], "ustar")
	for _, c := range []struct {
		path, message string
		is            error
	}{
		{dir + "/none", "open FILE: no such file or directory", fs.ErrNotExist},
		{dir, "FILE: not a checkpoint: a directory", ErrNotCheckpoint},
		{os.DevNull, "FILE: not a checkpoint: not a regular file", ErrNotCheckpoint},
		{file("empty", ""), "FILE: not a checkpoint: the file is empty", ErrNotCheckpoint},
		{file("one", "P"), `FILE: not a checkpoint: neither a torch file nor safetensors, begins with "P"`, ErrNotCheckpoint},
		{file("lines", "a\nb\n"), `FILE: not a checkpoint: neither a torch file nor safetensors, begins with "a\nb\n"`, ErrNotCheckpoint},
		{file("lfs", "version https://git-lfs.github.com/spec/v1\noid"), "FILE: not a checkpoint: a Git LFS pointer, fetch the file that it points to", ErrNotCheckpoint},
		{file("tar", string(tar)), "FILE: not supported: the tar format of PyTorch before 0.1.10; save it again", ErrUnsupported},
	} {
		_, err := Open(c.path)
		if err == nil || strings.ReplaceAll(err.Error(), c.path, "FILE") != c.message || !errors.Is(err, c.is) {
			t.Errorf("got %v, want %s", err, c.message)
		}
	}
}

// TestTruncated cuts files at every length: an error in one line, each time.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"internalizers/model_purpose.pt", "internalizers/model_summary.pt", "internalizers/model_qa.safetensors"} {
		whole, err := os.ReadFile(filepath.Join(tiny, name))
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(whole) {
			_, err := Parse(name, whole[:n:n])
			if err == nil {
				t.Errorf("%s: no error at %d of %d bytes", name, n, len(whole))
			} else if text := fmt.Sprint(err); strings.ContainsAny(text, "\n\r") || !strings.HasPrefix(text, name+": ") {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
}

// TestBigEndianHost reads files as a machine would that cannot use them in
// place.
func TestBigEndianHost(t *testing.T) {
	defer func(v bool) { hostLittle = v }(hostLittle)
	f := open(t, tiny+"/good/sae_plain.safetensors")
	v, _ := f.Tensor("encoder.weight")
	want, err := v.Float32()
	if err != nil {
		t.Fatal(err)
	}
	hostLittle = false
	got, err := v.Float32()
	if err != nil || !slices.Equal(got, want) || &got[0] == &want[0] {
		t.Errorf("differs, or was not copied: %v", err)
	}
}
