package bench

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/fixtures"
)

// openTiny writes a small code set and opens it.
func openTiny(t *testing.T, documents, queries, features int) *Codes {
	t.Helper()
	dir := t.TempDir()
	if err := fixtures.WriteCodes(dir, documents, queries, features); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCodes(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestCodesReadAlikeInAnyPieces(t *testing.T) {
	c := openTiny(t, 100, 5, 40)
	whole, err := c.Read(0, c.Documents())
	if err != nil || len(whole) != 100 || c.Features() != 40 {
		t.Fatal(len(whole), c.Features(), err)
	}
	postings := 0
	for i, code := range whole {
		one, err := c.Read(i, i+1)
		if err != nil || len(one[0].Features) != len(code.Features) {
			t.Fatalf("row %d: %v, %v", i, one, err)
		}
		for j, f := range code.Features {
			if one[0].Features[j] != f || one[0].Activations[j] != code.Activations[j] {
				t.Fatalf("row %d: %v, want %v", i, one[0], code)
			}
		}
		postings += len(code.Features)
	}
	if postings != c.Postings() {
		t.Errorf("%d postings, want %d", postings, c.Postings())
	}
	if q, err := c.Queries(99); err != nil || len(q) != 5 {
		t.Errorf("%d queries: %v", len(q), err)
	}
}

func TestBadCodeSets(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name  string
		array any // nil removes the file
		want  string
	}{
		{"indptr", nil, "no such file"},
		{"q_acts", nil, "no such file"},
		{"indptr", []int64{0}, "two offsets or more"},
		{"indptr", []int64{1, 2, 4}, "begins at 1, not at 0"},
		{"indptr", []int64{0, 3, 2, 4}, "offset 2 is 2, after 3"},
		{"indptr", []int64{0, 2, 5}, "ends at 5, but feats.npy has 4 features"},
		{"indptr", []float32{0, 4}, "holds <f4, not whole numbers"},
		{"feats", []int32{1, 2, 3}, "4 activations for the 3 features"},
		{"feats", []int32{1, 2, -3, 4}, "item 2 is -3, not a feature"},
		{"feats", []int32{1, 2, 1 << 24, 4}, "not a feature"},
		{"feats", []int32{2, 1, 3, 4}, "row 0: feature 1 after 2"},
		{"feats", []float32{1, 2, 3, 4}, "holds <f4, not whole numbers"},
		{"acts", []float32{1, 0, 1, 1}, "row 0: feature 2 has activation 0"},
		{"acts", []float32{1, nan, 1, 1}, "NaN"},
		{"acts", []int32{1, 1, 1, 1}, "holds <i4, not floats"},
	} {
		dir := t.TempDir()
		for name, array := range map[string]any{
			"indptr": []int64{0, 2, 4}, "feats": []int32{1, 2, 3, 4}, "acts": []float32{1, 1, 1, 1},
			"q_indptr": []int64{0, 1}, "q_feats": []int32{1}, "q_acts": []float32{1},
		} {
			if name == c.name {
				array = c.array
			}
			if array == nil {
				continue
			}
			if err := fixtures.WriteArray(filepath.Join(dir, name+".npy"), array); err != nil {
				t.Fatal(err)
			}
		}
		if err := readAll(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir+string(os.PathSeparator)) {
			t.Errorf("%s %v: %v, want %q", c.name, c.array, err, c.want)
		}
	}
}

// readAll opens and reads a code set.
func readAll(dir string) error {
	c, err := OpenCodes(dir)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Queries(c.queries.len()); err != nil {
		return err
	}
	_, err = c.Read(0, c.Documents())
	return err
}
