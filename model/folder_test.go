package model

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/steersight/steersight/internal/fixtures"
)

func TestModelFolder(t *testing.T) {
	var m Model
	var err error
	if m.SAE, err = ReadSAE(fixtures.Path("tiny", "good", "sae_plain.pt"), SAEOptions{}); err != nil {
		t.Fatal(err)
	}
	if m.Internalizers, err = ReadInternalizers(fixtures.Path("tiny", "internalizers")); err != nil {
		t.Fatal(err)
	}
	for _, labels := range []Labels{nil, {"\ufeffzero", "", " two "}} {
		m.Labels = labels
		dir := filepath.Join(t.TempDir(), "new", "model")
		if err := m.Write(dir); err != nil {
			t.Fatal(err)
		}
		got, err := ReadModel(dir)
		if err != nil {
			t.Fatal(err)
		}
		want := m
		if labels != nil {
			want.Labels = Labels{"zero", "", " two "} // a byte order mark at the start of the file is not text
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Error(diff)
		}
		if got.Fingerprint() != m.Fingerprint() {
			t.Error("another fingerprint")
		}
	}
	m.Labels = Labels{"a\nb"}
	if err := m.Write(t.TempDir()); err == nil || err.Error() != `label 0 has a line break in it: "a\nb"` {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := m.Write(filepath.Join(dir, "m")); err == nil {
		t.Error("written")
	}
	m.Labels = nil
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, saeFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadModel(dir); !os.IsNotExist(err) {
		t.Error(err)
	}
}
