package model

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteSAE(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sae.safetensors")
	for _, name := range []string{"plain", "float16", "tied", "threshold_minus1"} {
		s := mustSAE(t, tiny+"/good/sae_"+name+".pt", 0)
		if err := WriteSAE(path, s); err != nil {
			t.Fatal(err)
		}
		got := mustSAE(t, path, 0)
		if !cmp.Equal(got, s) || got.Fingerprint() != s.Fingerprint() {
			t.Errorf("%s: differs after writing", name)
		}
	}
}

func TestWriteInternalizer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model_qa.safetensors")
	in, err := ReadInternalizers(tiny + "/internalizers")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range in {
		if err := WriteInternalizer(path, r); err != nil {
			t.Fatal(err)
		}
		got, err := ReadInternalizer(path)
		if err != nil || !cmp.Equal(got, r) || got.Fingerprint() != r.Fingerprint() {
			t.Errorf("differs after writing: %v", err)
		}
	}
}

// TestWriteRefuses checks that what could not be read is not written.
func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, change := range map[string]func(*SAE){
		"k zero":       func(s *SAE) { s.K = 0 },
		"k large":      func(s *SAE) { s.K = s.Features + 1 },
		"threshold":    func(s *SAE) { s.Threshold = float32(math.NaN()) },
		"no features":  func(s *SAE) { s.Features = 0 },
		"short":        func(s *SAE) { s.Decoder = s.Decoder[1:] },
		"not a number": func(s *SAE) { s.DecoderBias[3] = float32(math.Inf(1)) },
	} {
		s := mustSAE(t, tiny+"/good/sae_plain.pt", 0)
		change(s)
		if err := WriteSAE(dir+"/sae.safetensors", s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, r := range []*Internalizer{
		{},
		{Dim: 1, Hidden: 1, W1: []float32{1}, B1: []float32{1}, W2: []float32{0}, B2: []float32{0}},
		{Dim: 1, Hidden: 1, W1: []float32{1}, B1: []float32{1}, W2: []float32{1}},
	} {
		if err := WriteInternalizer(dir+"/model_qa.safetensors", r); err == nil {
			t.Errorf("%+v: no error", r)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("folder holds %v, %v", list, err)
	}
}

func TestTransposeIsItsInverse(t *testing.T) {
	a := make([]float32, 37*50)
	for i := range a {
		a[i] = float32(i)
	}
	if b := transpose(transpose(a, 37, 50), 50, 37); !cmp.Equal(a, b) {
		t.Error("differs")
	}
}
