package explain

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/npy"
)

func writeRows(t *testing.T, name string, rows ...[]float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := npy.Write(file, rows); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStored(t *testing.T) {
	q := writeRows(t, "q.npy", []float32{1, 2}, []float32{3, 4}, []float32{5, 6})
	d := writeRows(t, "d.npy", []float32{7, 8}, []float32{9, 0})
	s, err := OpenStored(q, d, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	queries, documents, err := s.Embed(context.Background(), make([]Pair, 2))
	if err != nil || queries[1][0] != 3 || documents[1][0] != 9 {
		t.Errorf("rows %v %v, %v", queries, documents, err)
	}
	if err := s.Finish(2); err == nil || !strings.HasSuffix(err.Error(), "q.npy: 3 rows, but the input has 2 pairs: one row for each pair is needed") {
		t.Errorf("a row left over: %v", err)
	}
	_, _, err = s.Embed(context.Background(), []Pair{{Line: 9}})
	if err == nil || !strings.HasSuffix(err.Error(), "d.npy: 2 rows, but the input has 3 pairs by its line 9: one row for each pair is needed") {
		t.Errorf("a row missing: %v", err)
	}
	_, err = OpenStored(q, d, 3)
	if err == nil || !strings.HasSuffix(err.Error(), "q.npy: the rows have 2 numbers, the feature model takes 3: they belong to different encoders") {
		t.Errorf("rows of another length: %v", err)
	}
}

// countingEncoder answers the length of each text.
type countingEncoder struct{}

func (countingEncoder) Encode(_ context.Context, texts []string) ([][]float32, error) {
	rows := make([][]float32, len(texts))
	for i, text := range texts {
		rows[i] = []float32{float32(len(text))}
	}
	return rows, nil
}

func (countingEncoder) Dim() int { return 1 }

func (countingEncoder) Close() error { return nil }

func TestTexts(t *testing.T) {
	s := &Texts{Encoder: countingEncoder{}, QueryPrefix: E5QueryPrefix, DocumentPrefix: E5DocumentPrefix, Dim: 1}
	queries, documents, err := s.Embed(context.Background(), []Pair{{Query: "ab", Document: ""}, {Query: "", Document: "xyz"}})
	if err != nil || queries[0][0] != 9 || queries[1][0] != 7 || documents[0][0] != 9 || documents[1][0] != 12 {
		t.Errorf("rows %v %v, %v", queries, documents, err)
	}
	s.Dim = 384
	_, _, err = s.Embed(context.Background(), []Pair{{}})
	if err == nil || err.Error() != "the encoder's vectors have 1 numbers, the feature model takes 384: they belong to different encoders" {
		t.Errorf("error %v", err)
	}
}
