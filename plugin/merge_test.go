package plugin

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// bytesWritten counts what a merge reports.
type bytesWritten uint64

func (b *bytesWritten) ReportBytesWritten(n uint64) { *b += bytesWritten(n) }

func TestMergeOfMixedSegments(t *testing.T) {
	r, dir := rand.New(rand.NewPCG(2, 1)), t.TempDir()
	memory, inMemory := newSegment(t, r, 30)
	persisted, onDisk := newSegment(t, r, 40)
	if err := persisted.Persist(filepath.Join(dir, "a.zap")); err != nil {
		t.Fatal(err)
	}
	docs, foreign := zapDocuments(r, 20)
	stock, _, err := (&zap.ZapPlugin{}).New(docs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range foreign {
		foreign[i].bare = true
	}
	inputs := []segment.Segment{memory, openSegment(t, filepath.Join(dir, "a.zap")), stock}
	drops := []*roaring.Bitmap{nil, roaring.BitmapOf(0, 7, 39), roaring.BitmapOf(1)}

	path := filepath.Join(dir, "b.zap")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil { // a leftover
		t.Fatal(err)
	}
	var reported bytesWritten
	maps, size, err := (&segments{}).Merge(inputs, drops, path, nil, &reported)
	if err != nil {
		t.Fatal(err)
	}
	if file, err := os.Stat(path); err != nil || uint64(file.Size()) != size || uint64(reported) < size {
		t.Fatalf("%d bytes of %v (%v), %d reported", size, file.Size(), err, reported)
	}
	merged := openSegment(t, path)
	if damage := (&part{codes: merged.codes}).check(); len(damage) > 0 {
		t.Fatal(damage)
	}
	for i, entries := range [][]entry{inMemory, onDisk, foreign} {
		for doc, e := range entries {
			if to := maps[i][doc]; to != math.MaxUint64 {
				for v := range testOptions.Views {
					got, want := merged.codes.section().Code(featureindex.View(v), int(to)), e.code(v)
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("document %d of segment %d: %v, want %v", doc, i, got, want)
					}
				}
			}
		}
	}
}

func TestMergeCanceled(t *testing.T) {
	s, _ := newSegment(t, rand.New(rand.NewPCG(2, 1)), 30)
	path := filepath.Join(t.TempDir(), "a.zap")
	canceled := make(chan struct{})
	close(canceled)
	_, _, err := (&segments{}).Merge([]segment.Segment{s}, []*roaring.Bitmap{nil}, path, canceled, nil)
	if !errors.Is(err, segment.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the file is there: %v", err)
	}
	// Canceled between zap's part and the section's:
	m := &merging{}
	inner, err := m.unwrap([]segment.Segment{s})
	if err != nil {
		t.Fatal(err)
	}
	maps, _, err := (&zap.ZapPlugin{}).Merge(inner, []*roaring.Bitmap{nil}, path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.graft(path, maps, canceled, nil); !errors.Is(err, featureindex.ErrCanceled) {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the file is there: %v", err)
	}
}

func TestMergeCountsLostCodes(t *testing.T) {
	r, dir := rand.New(rand.NewPCG(2, 1)), t.TempDir()
	good, entries := newSegment(t, r, 10)
	s, _ := newSegment(t, r, 30)
	path := filepath.Join(dir, "a.zap")
	if err := s.Persist(path); err != nil {
		t.Fatal(err)
	}
	flip(t, path, int64(openSegment(t, path).codes.base)+200)
	damaged := openSegment(t, path)
	if damaged.codes.health() == nil {
		t.Fatal("the flip went unnoticed")
	}
	merged := filepath.Join(dir, "b.zap")
	drops := []*roaring.Bitmap{nil, roaring.BitmapOf(1, 2)}
	if _, _, err := (&segments{}).Merge([]segment.Segment{good, damaged}, drops, merged, nil, nil); err != nil {
		t.Fatal(err)
	}
	m := openSegment(t, merged)
	var h Health
	h.add([]part{{codes: m.codes}})
	if h.Lost != 28 || h.OK() || len(h.Damaged) > 0 {
		t.Fatalf("health %+v", h)
	}
	for doc, e := range entries {
		if got := m.codes.section().Code(0, doc); fmt.Sprint(got) != fmt.Sprint(e.code(0)) {
			t.Fatalf("document %d: %v, want %v", doc, got, e.code(0))
		}
	}
	again := filepath.Join(dir, "c.zap")
	if _, _, err := (&segments{}).Merge([]segment.Segment{m}, []*roaring.Bitmap{nil}, again, nil, nil); err != nil {
		t.Fatal(err)
	}
	damage := (&part{codes: openSegment(t, again).codes}).check()
	if len(damage) != 1 || !errors.Is(damage[0], ErrLost) || damage[0].File != again {
		t.Fatalf("check finds %v", damage)
	}
}

func TestMergeRefusesForeignSegments(t *testing.T) {
	if _, _, err := (&segments{}).Merge([]segment.Segment{nil}, nil, "", nil, nil); !errors.Is(err, ErrSegment) {
		t.Fatal(err)
	}
}

// flip turns over a bit of a file.
func flip(t testing.TB, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << (at % 8)
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}
