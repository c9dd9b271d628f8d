package embed

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const tinyDir = "testdata/tiny"

// tinyFolders are the folders that make_tiny.py writes.
var tinyFolders = []string{"mean", "cls", "vocab", "cased", "max", "half", "bare", "casedvocab", "added"}

// readTestJSON reads a JSON file into v.
func readTestJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// readVectors reads a little-endian float32 .npy of rows of width numbers.
func readVectors(t testing.TB, path string, width int) [][]float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 10 || string(b[:6]) != "\x93NUMPY" {
		t.Fatalf("%s is not a version 1 .npy", path)
	}
	data := b[10+int(binary.LittleEndian.Uint16(b[8:])):]
	flat := make([]float32, len(data)/4)
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, flat); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(flat, width))
}

func tinyTexts(t testing.TB) (texts []string) {
	readTestJSON(t, filepath.Join(tinyDir, "texts.json"), &texts)
	return texts
}

func openTiny(t testing.TB, name string, opts FolderOptions) *Folder {
	t.Helper()
	f, err := OpenFolder(filepath.Join(tinyDir, name), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// distance returns the largest difference of two sets of vectors and their
// smallest cosine.
func distance(got, want [][]float32) (diff, cosine float64) {
	cosine = 1
	for i := range got {
		var dot float64
		for j, x := range got[i] {
			diff = max(diff, math.Abs(float64(x)-float64(want[i][j])))
			dot += float64(x) * float64(want[i][j])
		}
		cosine = min(cosine, dot)
	}
	return diff, cosine
}

func TestFolderGivesTheReferencesTokensAndVectors(t *testing.T) {
	texts := tinyTexts(t)
	for _, name := range tinyFolders {
		t.Run(name, func(t *testing.T) {
			f := openTiny(t, name, FolderOptions{})
			var golden struct {
				Window int
				Same   string
				IDs    [][]int32
			}
			readTestJSON(t, filepath.Join(tinyDir, name, "ids.json"), &golden)
			window := golden.Window
			if golden.Same != "" {
				readTestJSON(t, filepath.Join(tinyDir, golden.Same, "ids.json"), &golden)
			}
			if f.Window() != window {
				t.Errorf("window %d, want %d", f.Window(), window)
			}
			for i, text := range texts {
				if got := f.Tokens(text); !slices.Equal(got, golden.IDs[i]) {
					t.Errorf("text %d %q:\n got %v\nwant %v", i, text, got, golden.IDs[i])
				}
			}
			got, err := f.Encode(context.Background(), texts)
			if err != nil {
				t.Fatal(err)
			}
			diff, cosine := distance(got, readVectors(t, filepath.Join(tinyDir, name, "golden.npy"), f.Dim()))
			t.Logf("largest difference %.2g, smallest cosine %.9f", diff, cosine)
			if diff > 1e-6 {
				t.Errorf("vectors differ by up to %g, want at most 1e-6", diff)
			}
		})
	}
}
