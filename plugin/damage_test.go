package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"
	zap "github.com/blevesearch/zapx/v17"
)

// answers runs features queries over an index and returns what they say.
func answers(t testing.TB, i bleve.Index) string {
	t.Helper()
	all := ""
	for _, q := range []query.Query{
		&Dot{Terms: featureindex.Terms{Features: []uint32{0, 3, 9}, Weights: []float32{1, -.5, 2}}, K: 10},
		&Overlap{View: "qa", Features: []uint32{0, 1, 2, 3}, Min: 2},
		&KNN{Vector: []float32{1, 2, 3, 4, 5, 6, 7, 8}, K: 5},
		&Not{Features: []uint32{1}},
		query.NewQueryStringQuery("original:1 qa:2"),
	} {
		for _, h := range find(t, i, q) {
			all += fmt.Sprint(h.ID, " ", h.Score, "\n")
		}
	}
	return all
}

// texts runs text queries over an index and returns what they say.
func texts(t testing.TB, i bleve.Index) string {
	t.Helper()
	all := ""
	for _, q := range []string{"river stone", "+amber -cloud", "color:red"} {
		for _, h := range find(t, i, query.NewQueryStringQuery(q)) {
			all += fmt.Sprint(h.ID, " ", h.Score, "\n")
		}
	}
	return all
}

// savedIndex makes an index of one segment and returns its folder, the
// segment's file and what queries find.
func savedIndex(t *testing.T, n int) (path, file, features, text string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "index")
	i, _ := randomIndex(t, path, rand.New(rand.NewPCG(6, 6)), n, n, nil)
	forceMerge(t, i)
	i = reopen(t, i, path)
	features, text = answers(t, i), texts(t, i)
	closeOnce(t, i)
	files, err := filepath.Glob(filepath.Join(path, "store", "*.zap"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v: %v", files, err)
	}
	return path, files[0], features, text
}

// TestEveryFlipIsFound flips a bit of every byte of the graft, for all that an
// open segment answers; some of them also for all that an index answers.
func TestEveryFlipIsFound(t *testing.T) {
	path, file, wantFeatures, wantText := savedIndex(t, 12)
	whole := openSegment(t, file)
	end := int64(len(whole.codes.data)) - zap.FooterSize
	start := whole.codes.base - whole.codes.base%alignment
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for at := start; at < end; at += step {
		data := append([]byte(nil), whole.codes.data...)
		data[at] ^= 1 << (at % 8)
		f := openFeatures(file, data, int(whole.Count()))
		if f.section() != nil || f.health() == nil {
			t.Fatalf("byte %d: the flip went unnoticed", at)
		}
		damage := (&part{codes: f}).check()
		if len(damage) < 2 || damage[0].File != file || damage[0].Offset < start || damage[0].Offset >= end {
			t.Fatalf("byte %d: check finds %v", at, damage)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		at := start + r.Int64N(end-start)
		flip(t, file, at)
		i, err := bleve.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(t, i); got != wantText {
			t.Fatalf("byte %d: texts\n%s\nwant\n%s", at, got, wantText)
		}
		_ = answers(t, i)
		h, err := CheckHealth(i)
		if err != nil || h.OK() || len(h.Damaged) != 1 {
			t.Fatalf("byte %d: health %+v (%v)", at, h, err)
		}
		if damage, err := Check(context.Background(), i); err != nil || len(damage) == 0 {
			t.Fatalf("byte %d: check finds %v (%v)", at, damage, err)
		}
		closeOnce(t, i)
		flip(t, file, at)
	}
	i, err := bleve.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if got := answers(t, i); got != wantFeatures {
		t.Fatalf("after all: %s, want %s", got, wantFeatures)
	}
	if damage, err := Check(context.Background(), i); err != nil || len(damage) > 0 {
		t.Fatal(damage, err)
	}
}

// TestFlipsInZapAreFound: the checksum of the file tells what no section can.
func TestFlipsInZapAreFound(t *testing.T) {
	_, file, _, _ := savedIndex(t, 12)
	whole := openSegment(t, file)
	for at := int64(0); at < whole.codes.base; at += 13 {
		data := append([]byte(nil), whole.codes.data...)
		data[at] ^= 1
		damage := (&part{codes: openFeatures(file, data, int(whole.Count()))}).check()
		if len(damage) != 1 || damage[0].Part != "file" {
			t.Fatalf("byte %d: check finds %v", at, damage)
		}
	}
}

func TestTruncatedFileIsAnError(t *testing.T) {
	_, file, _, _ := savedIndex(t, 12)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 11 {
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := (&segments{}).Open(file)
		if err == nil { // zap found a footer by chance
			if s.(*diskSegment).codes.health() == nil {
				t.Fatalf("the first %d bytes opened", n)
			}
			_ = s.Close()
		}
	}
}

// TestDamageIsOfOneSegment: the others go on answering.
func TestDamageIsOfOneSegment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	i, tr := randomIndex(t, path, rand.New(rand.NewPCG(6, 7)), 60, 20, slowMerges)
	closeOnce(t, i)
	files, err := filepath.Glob(filepath.Join(path, "store", "*.zap"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d segments: %v", len(files), err)
	}
	if text := (&CorruptionError{File: "x.zap", Part: "trailer", Offset: 7, Err: errors.New("no magic")}).Error(); text != "x.zap: trailer at byte 7: no magic" {
		t.Fatal(text)
	}
	flip(t, files[0], openSegment(t, files[0]).codes.base+100)
	i, err = bleve.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	tr.forgetDamaged(t, i)
	tr.equal(t, i, 1)
	h, err := CheckHealth(i)
	if err != nil || len(h.Damaged) != 1 {
		t.Fatalf("%+v: %v", h, err)
	}
	var damage *CorruptionError
	if !errors.As(h.Damaged[0], &damage) || damage.File != files[0] {
		t.Fatalf("%v", h.Damaged[0])
	}
	forceMerge(t, i)
	h, err = CheckHealth(i)
	if err != nil || len(h.Damaged) > 0 || h.Lost == 0 {
		t.Fatalf("after merging: %+v: %v", h, err)
	}
	tr.equal(t, i, 2)
}

// forgetDamaged takes the codes from documents in damaged segments.
func (tr truth) forgetDamaged(t *testing.T, i bleve.Index) {
	t.Helper()
	snapshot, err := Acquire(i)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	for id, e := range tr {
		d, err := snapshot.Named(id)
		if err != nil || d == nil {
			t.Fatalf("document %s: %v", id, err)
		}
		if d.part.codes.health() != nil {
			e.bare = true
			tr[id] = e
		}
	}
}

func FuzzFeatures(f *testing.F) {
	docs, _ := zapDocuments(rand.New(rand.NewPCG(1, 1)), 3)
	s, _, err := (&segments{}).New(docs)
	if err != nil {
		f.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := s.(*memorySegment).WriteTo(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := openFeatures("x", data, 3)
		_ = (&part{codes: c}).check()
		if section := c.section(); section != nil && (c.health() != nil || section.Len() != 3) {
			t.Fatal("a damaged section is handed out")
		}
	})
}
