package embed

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/kernel"
)

// TestAssemblyGivesTheSameBits compares the vectors that AVX2 and AVX-512 give.
func TestAssemblyGivesTheSameBits(t *testing.T) {
	var texts []string
	for n := range 70 {
		texts = append(texts, strings.Repeat("water ice ", n))
	}
	for _, name := range []string{"mean", "cls", "half"} {
		f, err := OpenFolder(filepath.Join(tinyDir, name), FolderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		encode := func(l kernel.Level) (rows [][]float32) {
			kernel.With(l, func() {
				if rows, err = f.Encode(t.Context(), texts); err != nil {
					t.Fatal(err)
				}
			})
			return rows
		}
		wide, narrow := encode(kernel.AVX512), encode(kernel.AVX2)
		if wide == nil {
			t.Skip("this cpu has no AVX-512")
		}
		if !reflect.DeepEqual(wide, narrow) {
			t.Errorf("%s: AVX2 and AVX-512 give other bits", name)
		}
	}
}
