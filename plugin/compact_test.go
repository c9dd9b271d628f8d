package plugin

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"

	"github.com/steersight/steersight/featureindex"
)

// What Compact made is there after the index is closed at once, every time.
func TestCompactOutlivesClose(t *testing.T) {
	for round := range 10 {
		path := t.TempDir() + "/index"
		i, err := Create(path, bleve.NewIndexMapping(), *testOptions, nil)
		if err != nil {
			t.Fatal(err)
		}
		putDocuments(t, i, 20)
		if err := Compact(context.Background(), i); err != nil {
			t.Fatal(err)
		}
		if err := i.Close(); err != nil {
			t.Fatal(err)
		}
		if i, err = bleve.Open(path); err != nil {
			t.Fatal(err)
		}
		if n := segmentCount(t, i); n != 1 {
			t.Errorf("round %d: %d segments", round, n)
		}
		if n, err := i.DocCount(); err != nil || n != 20 {
			t.Errorf("round %d: %d documents, %v", round, n, err)
		}
		if err := i.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// putDocuments puts documents without codes, each in a batch of its own.
func putDocuments(t *testing.T, i bleve.Index, n int) {
	t.Helper()
	for number := range n {
		b := i.NewBatch()
		d := document.NewDocument(strconv.Itoa(number))
		d.AddField(NewField(testOptions, featureindex.Document{Views: make([]featureindex.Code, len(testOptions.Views))}))
		if err := b.IndexAdvanced(d); err != nil {
			t.Fatal(err)
		}
		if err := i.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCompactEndsWhateverTheIndex(t *testing.T) {
	memory, err := Create("", bleve.NewIndexMapping(), *testOptions, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	putDocuments(t, memory, 3)
	if err := Compact(context.Background(), memory); err != nil {
		t.Errorf("in memory: %v", err)
	}
	disk, err := Create(t.TempDir()+"/index", bleve.NewIndexMapping(), *testOptions, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	putDocuments(t, disk, 3)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Compact(canceled, disk); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
