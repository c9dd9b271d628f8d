package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadInternalizers(t *testing.T) {
	in, err := ReadInternalizers(tiny + "/internalizers")
	if err != nil {
		t.Fatal(err)
	}
	for i, hidden := range []int{10, 12, 16} {
		if in[i].Dim != 24 || in[i].Hidden != hidden {
			t.Errorf("internalizer %d is [%d, %d]", i, in[i].Hidden, in[i].Dim)
		}
		path := filepath.Join(tiny, "internalizers", "model_"+string(InternalizerViews()[i])+".safetensors")
		twin, err := ReadInternalizer(path)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(in[i], twin) || in[i].Fingerprint() != twin.Fingerprint() {
			t.Errorf("%s differs from the torch file", path)
		}
	}
}

// copyFile copies a file of testdata into a folder.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(tiny, from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadInternalizersErrors(t *testing.T) {
	dir := t.TempDir()
	want := func(message string) {
		t.Helper()
		_, err := ReadInternalizers(dir)
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != message {
			t.Errorf("got %v, want %s", err, message)
		}
	}
	copyFile(t, "internalizers/model_qa.pt", dir+"/model_qa.pt")
	copyFile(t, "internalizers/model_summary.safetensors", dir+"/model_summary.safetensors")
	want("DIR: has no model_purpose.pt and no model_purpose.safetensors")

	// The torch file wins, also where it is damaged.
	copyFile(t, "bad/int_nan.pt", dir+"/model_summary.pt")
	want("DIR/model_summary.pt: net.2.bias: has a NaN in row 0")
	if err := os.Remove(dir + "/model_summary.pt"); err != nil {
		t.Fatal(err)
	}

	other := &Internalizer{Dim: 2, Hidden: 1, W1: []float32{1, 2}, B1: []float32{3}, W2: []float32{4, 5}, B2: []float32{6, 7}}
	if err := WriteInternalizer(dir+"/model_purpose.safetensors", other); err != nil {
		t.Fatal(err)
	}
	want("DIR/model_purpose.safetensors: is for embeddings of 2 numbers, model_qa.pt for 24")
}
