// Package lint holds the repository to its own rules.
package lint

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/fixtures"
)

const module = "github.com/steersight/steersight/"

// layers lists the packages from the top down; a package imports only those
// below it. ARCHITECTURE.md says what each is for.
var layers = []string{"cmd/steersight", "bench", "study", "index", "explain", "plugin", "featureindex", "embed", "gpu", "model"}

// bare lists packages that know nothing of the others, internal ones aside.
var bare = []string{"featureindex", "embed", "model"}

// banned lists imports with the reason.
var banned = map[string]string{
	"io/ioutil":                       "deprecated",
	"math/rand":                       "use math/rand/v2",
	"encoding/gob":                    "runs types of its own choosing on bytes from outside",
	"plugin":                          "runs code from files",
	"github.com/weaviate/weaviate":    "belongs to the modules under integration/",
	"gonum.org/v1/gonum/blas/netlib":  "needs cgo",
	"github.com/yalue/onnxruntime_go": "needs cgo",
}

type goPackage struct {
	ImportPath string
	Doc        string
	Imports    []string
}

func packages(t *testing.T) (all []goPackage) {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Doc,Imports", "./...")
	command.Dir = fixtures.Root()
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
}

func TestPackagesHaveDocs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && p.ImportPath != "internal/lint" {
			t.Errorf("package %s says nothing of itself", p.ImportPath)
		}
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		layer := slices.Index(layers, p.ImportPath)
		if layer < 0 && !strings.HasPrefix(p.ImportPath, "internal/") {
			t.Errorf("package %s is in no layer", p.ImportPath)
		}
		for _, path := range p.Imports {
			if reason, ok := banned[path]; ok {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, reason)
			}
			name, ours := strings.CutPrefix(path, module)
			if !ours || strings.HasPrefix(name, "internal/") {
				continue
			}
			if layer < 0 || slices.Index(layers, name) <= layer || slices.Contains(bare, p.ImportPath) {
				t.Errorf("%s imports %s: arrows point downwards only", p.ImportPath, name)
			}
		}
	}
}
