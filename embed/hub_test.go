package embed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testCommit = "0123456789abcdef0123456789abcdef01234567"

// cacheModel puts a model without files into a hub cache.
func cacheModel(t *testing.T, cache, name, ref string, snapshot bool) string {
	t.Helper()
	root := filepath.Join(cache, "models--"+name)
	if err := os.MkdirAll(filepath.Join(root, "refs"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "refs", "main"), []byte(ref), 0o666); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, "snapshots", strings.TrimSpace(ref))
	if snapshot {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestResolveFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	e5 := cacheModel(t, cache, "intfloat--e5-small-v2", testCommit, true)
	minilm := cacheModel(t, cache, "sentence-transformers--all-MiniLM-L6-v2", testCommit+"\n", true)
	base := cacheModel(t, cache, "bert-base-uncased", testCommit, true)
	cacheModel(t, cache, "evil--ref", "../../../../etc", false)
	cacheModel(t, cache, "half--done", testCommit, false)
	file := filepath.Join(cache, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		cache:                                    cache,
		"intfloat/e5-small-v2":                   e5,
		"all-MiniLM-L6-v2":                       minilm,
		"sentence-transformers/all-MiniLM-L6-v2": minilm,
		"bert-base-uncased":                      base,
	} {
		if got, err := ResolveFolder(name); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, want)
		}
	}
	for name, want := range map[string]string{
		file:          "is a file",
		"":            "neither a folder nor a name of the hub",
		"a/b/c":       "neither a folder nor a name of the hub",
		"../x":        "neither a folder nor a name of the hub",
		"no/where":    "download it with `hf download no/where`",
		"nowhere":     "download it with `hf download sentence-transformers/nowhere`",
		"evil/ref":    "does not hold a commit",
		"half/done":   "names commit " + testCommit,
		"intfloat/..": "neither a folder nor a name of the hub",
	} {
		if got, err := ResolveFolder(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want an error with %q", name, got, err, want)
		}
	}
}

func TestHubCacheFollowsTheEnvironment(t *testing.T) {
	for _, name := range []string{"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", "/home/me")
	for _, set := range [][2]string{
		{"HOME", "/home/me/.cache/huggingface/hub"},
		{"XDG_CACHE_HOME", "/xdg/huggingface/hub"},
		{"HF_HOME", "/hf/hub"},
		{"HF_HUB_CACHE", "/cache"},
	} {
		switch set[0] {
		case "XDG_CACHE_HOME":
			t.Setenv(set[0], "/xdg")
		case "HF_HOME":
			t.Setenv(set[0], "/hf")
		case "HF_HUB_CACHE":
			t.Setenv(set[0], "/cache")
		}
		if got, err := hubCache(); err != nil || got != set[1] {
			t.Errorf("%s: got %s, %v, want %s", set[0], got, err, set[1])
		}
	}
}
