package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustSAE(t *testing.T, path string, k int) *SAE {
	t.Helper()
	s, err := ReadSAE(path, SAEOptions{K: k})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestGoodFiles reads every encoding of the one model, and compares those that
// the reference found equal.
func TestGoodFiles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(tiny, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]struct {
		Loads     bool
		K         int
		Features  int `json:"dict_size"`
		Dim       int `json:"activation_dim"`
		Threshold float64
		Same      bool `json:"same_output_as_sae_plain"`
	}
	b = bytes.ReplaceAll(b, []byte("NaN"), []byte("null")) // Python's, in fields not used here
	if err := json.Unmarshal(b, &expected); err != nil {
		t.Fatal(err)
	}
	plain := mustSAE(t, tiny+"/good/sae_plain.pt", 0)
	paths, err := filepath.Glob(tiny + "/good/*")
	if err != nil || len(paths) < 29 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		s := mustSAE(t, path, 0)
		want := expected["good/"+filepath.Base(path)]
		if want.Loads && (s.K != want.K || s.Features != want.Features || s.Dim != want.Dim ||
			math.Abs(float64(s.Threshold)-want.Threshold) > 1e-6) {
			t.Errorf("%s: k %d, features %d, dim %d, threshold %v; want %+v", path, s.K, s.Features, s.Dim, s.Threshold, want)
		}
		if want.Same && !cmp.Equal(s, plain) {
			t.Errorf("%s: differs from sae_plain.pt", path)
		}
		// What the reference cannot read equals a file that it can.
		twin := strings.TrimSuffix(path, filepath.Ext(path)) + ".pt"
		if strings.Contains(path, "protocol") {
			twin = tiny + "/good/sae_plain.pt"
		}
		if other := mustSAE(t, twin, 0); !want.Loads && !cmp.Equal(s, other) {
			t.Errorf("%s: differs from %s", path, twin)
		}
		if same := s.Fingerprint() == plain.Fingerprint(); same != cmp.Equal(s, plain) {
			t.Errorf("%s: fingerprint is %v, equal %v", path, same, !same)
		}
	}
}

func TestReadSAEGivenK(t *testing.T) {
	for _, c := range []struct {
		name      string
		k         int
		threshold float32
	}{
		{"good/sae_plain.pt", 7, 0.35},
		{"bad/missing_k.pt", 7, 0.35},
		{"bad/missing_threshold.pt", 7, NoThreshold},
		{"bad/missing_k_and_threshold.pt", 96, NoThreshold},
		{"bad/k_python_int.pt", 1, 0.35},
		{"bad/k_zero.pt", 5, 0.35},
	} {
		s := mustSAE(t, filepath.Join(tiny, c.name), c.k)
		if s.K != c.k || s.Threshold != c.threshold {
			t.Errorf("%s: k %d, threshold %v", c.name, s.K, s.Threshold)
		}
	}
	if s := mustSAE(t, tiny+"/bad/missing_k.pt", 5); s.Fingerprint() != mustSAE(t, tiny+"/good/sae_plain.pt", 0).Fingerprint() {
		t.Error("fingerprint depends on where k comes from")
	}
	for _, k := range []int{-1, 97} {
		if _, err := ReadSAE(tiny+"/good/sae_plain.pt", SAEOptions{K: k}); err == nil {
			t.Errorf("k %d: no error", k)
		}
	}
	for name, want := range map[string]error{"missing_k.pt": ErrNoK, "missing_threshold.pt": ErrNoThreshold} {
		if _, err := ReadSAE(filepath.Join(tiny, "bad", name), SAEOptions{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadSAE(tiny+"/none.pt", SAEOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}
