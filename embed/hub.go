package embed

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// hubName is what the hub allows as a model's name: organisation and model, or
// the model alone.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

// hubCommit is what a reference of the hub's cache holds.
var hubCommit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// ResolveFolder returns the model folder that a name stands for: a directory
// is itself; any other name is a model of the hub, looked for in the cache
// that Hugging Face's tools fill ($HF_HUB_CACHE, else $HF_HOME/hub, else
// ~/.cache/huggingface/hub), at the commit that its main branch had. Nothing
// is downloaded. A name without an organisation is one of
// sentence-transformers', as it is to sentence-transformers itself, or else a
// model of the hub's early days.
func ResolveFolder(name string) (string, error) {
	if info, err := os.Stat(name); err == nil {
		if !info.IsDir() {
			return "", fmt.Errorf("model %q is a file: give the folder that it lies in", name)
		}
		return name, nil
	}
	if !hubName.MatchString(name) {
		return "", fmt.Errorf("model %q is neither a folder nor a name of the hub like intfloat/e5-small-v2", name)
	}
	cache, err := hubCache()
	if err != nil {
		return "", err
	}
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = []string{"sentence-transformers/" + name, name}
	}
	for _, candidate := range candidates {
		folder, err := cachedFolder(cache, candidate)
		if err != nil {
			return "", fmt.Errorf("model %q: %w", name, err)
		}
		if folder != "" {
			return folder, nil
		}
	}
	return "", fmt.Errorf("model %q is neither a folder nor in the cache %s: download it with `hf download %s`, or give a folder that holds its files", name, cache, candidates[0])
}

// hubCache returns the directory of the hub's cache.
func hubCache() (string, error) {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub"), nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface", "hub"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("cannot tell where the hub's cache lies: %w: set HF_HUB_CACHE", err)
	}
	return filepath.Join(home, ".cache", "huggingface", "hub"), nil
}

// cachedFolder returns where the cache holds a model, "" if it does not.
func cachedFolder(cache, name string) (string, error) {
	root := filepath.Join(cache, "models--"+strings.ReplaceAll(name, "/", "--"))
	ref := filepath.Join(root, "refs", "main")
	b, err := folderFS(root).read(filepath.Join("refs", "main"))
	if os.IsNotExist(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	commit := strings.TrimSpace(string(b))
	if !hubCommit.MatchString(commit) {
		return "", fmt.Errorf("%s does not hold a commit", ref)
	}
	folder := filepath.Join(root, "snapshots", commit)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s names commit %s, but %s is not there", ref, commit, folder)
	}
	return folder, nil
}
