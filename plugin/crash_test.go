package plugin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
)

// crashPath tells a child of TestKill where to index.
const crashPath = "STEERSIGHT_TEST_CRASH"

// TestMain runs the tests, or indexes until it is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		err := indexForEver(path)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// indexForEver writes batches and keeps a log of truth beside the index: what a
// batch does before it, and that it was acknowledged after it.
func indexForEver(path string) error {
	i, err := Create(filepath.Join(path, "index"), testMapping(), *testOptions, nil)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(path, "log"))
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for {
		b, lines := i.NewBatch(), ""
		for n := range map[int]bool{r.IntN(400): true, r.IntN(400): true, r.IntN(400): true, r.IntN(400): true, r.IntN(400): true} {
			id, seed := strconv.Itoa(n), r.Uint32()
			if r.IntN(4) == 0 {
				b.Delete(id)
				lines += id + " -\n"
				continue
			}
			if err := addEntry(b, i.Mapping(), id, seeded(uint64(seed))); err != nil {
				return err
			}
			lines += fmt.Sprintf("%s %d\n", id, seed)
		}
		if _, err := log.WriteString("try\n" + lines); err != nil {
			return err
		}
		if err := i.Batch(b); err != nil {
			return err
		}
		if _, err := log.WriteString("done\n"); err != nil {
			return err
		}
	}
}

// seeded returns the document of a seed.
func seeded(seed uint64) entry { return randomEntry(rand.New(rand.NewPCG(seed, 5))) }

// readLog returns what was acknowledged, and that with the batch in flight.
func readLog(t *testing.T, path string) (acknowledged, inFlight truth, batches int) {
	t.Helper()
	f, err := os.Open(filepath.Join(path, "log"))
	if errors.Is(err, os.ErrNotExist) {
		return truth{}, truth{}, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	acknowledged, inFlight = truth{}, truth{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch line := lines.Text(); line {
		case "try":
		case "done":
			acknowledged = cloned(inFlight)
			batches++
		default:
			id, seed, _ := strings.Cut(line, " ")
			if seed == "-" {
				delete(inFlight, id)
				continue
			}
			n, err := strconv.ParseUint(seed, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			inFlight[id] = seeded(n)
		}
	}
	return acknowledged, inFlight, batches
}

func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	for n := range kills {
		after := 200*time.Millisecond + time.Duration(r.Int64N(int64(1500*time.Millisecond)))
		t.Run(fmt.Sprintf("%d after %v", n, after.Round(time.Millisecond)), func(t *testing.T) {
			path := t.TempDir()
			killed(t, path, after)
			verifyKilled(t, path)
		})
	}
}

// killed runs a child that indexes and kills it.
func killed(t *testing.T, path string, after time.Duration) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashPath+"="+path)
	var talk strings.Builder
	child.Stderr = &talk
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if talk.Len() > 0 {
		t.Fatal(talk.String())
	}
}

// verifyKilled opens what a killed child left.
func verifyKilled(t *testing.T, path string) {
	t.Helper()
	acknowledged, inFlight, batches := readLog(t, path)
	if batches == 0 {
		t.Skip("killed before the first batch")
	}
	i, err := bleve.Open(filepath.Join(path, "index"))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if damage, err := Check(context.Background(), i); err != nil || len(damage) > 0 {
		t.Fatal(damage, err)
	}
	want := acknowledged
	if holds(t, i, inFlight) {
		want = inFlight
	}
	want.equalDocuments(t, i)
	want.equal(t, i, 1)
	t.Logf("%d batches, %d documents", batches, len(want))
}

// holds tells whether an index has the codes of exactly these documents.
func holds(t *testing.T, i bleve.Index, tr truth) bool {
	t.Helper()
	if n, err := i.DocCount(); err != nil || n != uint64(len(tr)) {
		return false
	}
	s, err := Acquire(i)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id, e := range maps.All(tr) {
		d, err := s.Named(id)
		if err != nil {
			t.Fatal(err)
		}
		if d == nil {
			return false
		}
		if code, err := d.Code("original"); err != nil || fmt.Sprint(code) != fmt.Sprint(e.code(0)) {
			return false
		}
	}
	return true
}

// equalDocuments compares the codes and vectors of all documents.
func (tr truth) equalDocuments(t *testing.T, i bleve.Index) {
	t.Helper()
	s, err := Acquire(i)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id, e := range tr {
		d, err := s.Named(id)
		if err != nil || d == nil {
			t.Fatalf("document %s: %v", id, err)
		}
		e.equalDocument(t, d)
	}
}
