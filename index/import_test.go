package index

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// reader returns documents one by one, and fails after some.
func reader(documents []Document, failAfter int) func() (Document, error) {
	n := 0
	return func() (Document, error) {
		if n == failAfter {
			return Document{}, errors.New("unplugged")
		}
		if n == len(documents) {
			return Document{}, io.EOF
		}
		n++
		return documents[n-1], nil
	}
}

func allDocuments(t *testing.T, ix *Index) (all []Document) {
	t.Helper()
	if err := ix.Documents(ctx, "", func(d Document) error { all = append(all, d); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImportGoesOn(t *testing.T) {
	documents := testDocuments(11, 50)
	path := filepath.Join(t.TempDir(), "ix")
	ix := newTestIndex(t, path, nil, 1)
	o := Import{Source: "docs.jsonl", State: "1 kB", Batch: 8}
	if n, err := ix.Import(ctx, reader(documents, 20), o); n != 16 || err == nil || err.Error() != "unplugged" {
		t.Fatalf("%d documents, %v", n, err)
	}
	if n, _ := ix.Count(); n != 16 {
		t.Errorf("%d documents are in the index", n)
	}
	ix.Close()
	ix, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	var seen []int
	o.Progress = func(n int) { seen = append(seen, n) }
	if n, err := ix.Import(ctx, reader(documents, -1), o); n != 50 || err != nil {
		t.Fatalf("%d documents, %v", n, err)
	}
	if want := []int{24, 32, 40, 48, 50}; !reflect.DeepEqual(seen, want) {
		t.Errorf("progress %v, want %v: what is there is not indexed again", seen, want)
	}
	if got := allDocuments(t, ix); !reflect.DeepEqual(got, documents) {
		t.Errorf("documents come back as %v", got[:2])
	}
	changed := o
	changed.State = "2 kB"
	if _, err := ix.Import(ctx, reader(documents, -1), changed); !errors.Is(err, ErrSourceChanged) || !strings.Contains(err.Error(), "docs.jsonl was 1 kB, is 2 kB") {
		t.Errorf("a changed source: %v", err)
	}
	if _, err := ix.Import(ctx, reader(documents[:20], -1), o); !errors.Is(err, ErrSourceChanged) {
		t.Errorf("a shorter source: %v", err)
	}
	if err := ix.Forget(o.Source); err != nil {
		t.Fatal(err)
	}
	if n, err := ix.Import(ctx, reader(documents, -1), changed); n != 50 || err != nil {
		t.Errorf("from the beginning: %d, %v", n, err)
	}
}

func TestReindex(t *testing.T) {
	documents := testDocuments(12, 40)
	old := newTestIndex(t, "", documents, 40)
	other := testModel()
	other.SAE.K = 5
	ix, err := Create("", Options{Model: other})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if n, err := ix.Reindex(ctx, old, nil); n != 40 || err != nil {
		t.Fatalf("%d documents, %v", n, err)
	}
	if got := allDocuments(t, ix); !reflect.DeepEqual(got, documents) {
		t.Error("documents changed on the way")
	}
	direct, err := Create("", Options{Model: other})
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	if err := direct.Put(ctx, documents...); err != nil {
		t.Fatal(err)
	}
	r := Request{Vector: documents[0].Embedding, Explain: ExplainFull}
	if a, b := mustSearch(t, ix, r), mustSearch(t, direct, r); !reflect.DeepEqual(a.Hits, b.Hits) {
		t.Error("reindexing gives other hits than indexing")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := direct.Reindex(cancelled, old, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	old.Close()
	if _, err := direct.Search(ctx, r); err != nil {
		t.Error(err)
	}
	if _, err := old.Search(ctx, r); !errors.Is(err, ErrClosed) {
		t.Errorf("search in a closed index: %v", err)
	}
}
