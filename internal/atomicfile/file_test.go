package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
}

// only checks that a folder holds one file of this content and mode.
func only(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("content %q, %v; want %q", got, err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
		t.Errorf("mode %v, %v; want %v", info.Mode().Perm(), err, mode)
	}
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(list) != 1 {
		t.Errorf("folder holds %v, %v", list, err)
	}
}

func TestCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	put(t, path, "one")
	only(t, path, "one", 0o644)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, path, "two")
	only(t, path, "two", 0o600)
}

func TestCloseDiscards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	put(t, path, "old")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	only(t, path, "old", 0o644)
	if _, err := f.Write(nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("commit after close: %v", err)
	}
}

func TestCreateFollowsLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "real")
	link := filepath.Join(t.TempDir(), "link")
	put(t, path, "old")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	put(t, link, "new")
	only(t, path, "new", 0o644)
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("link is %v, %v", info, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, path := range []string{t.TempDir(), os.DevNull, filepath.Join(t.TempDir(), "no", "out")} {
		if f, err := Create(path); err == nil {
			t.Errorf("%s: no error", path)
			f.Close()
		}
	}
}
