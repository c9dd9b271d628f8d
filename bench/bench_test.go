package bench

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
)

// tinySettings put the index in a folder of its own, which must be empty again
// at the end.
func tinySettings(t *testing.T, queries int) Settings {
	dir := t.TempDir()
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("files are left: %v, %v", left, err)
		}
	})
	return Settings{Queries: queries, K: 10, Threads: 1, Rounds: 1, Batch: 150, Dir: dir}
}

func (e *Exactness) mustBeExact(t *testing.T, queries int) {
	t.Helper()
	if e.Recall != 1 || e.InOrder != queries || e.Queries != queries {
		t.Errorf("not exact: %+v", *e)
	}
}

// prints returns what is printed of a report.
func prints(t *testing.T, print func(*bytes.Buffer) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := print(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSparse(t *testing.T) {
	c := openTiny(t, 1000, 30, 80)
	s := SparseSettings{Settings: tinySettings(t, 25), Stock: 2}
	r, err := Sparse(context.Background(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	r.Dot.mustBeExact(t, 25)
	r.Overlap.mustBeExact(t, 25)
	if r.Documents != 1000 || r.Features != 80 || r.Build.SectionBytes <= 0 || r.Build.IndexBytes < r.Build.SectionBytes {
		t.Errorf("%+v", r)
	}
	if r.Facets.Documents != 100 || r.Facets.Counted != 80 || r.Stock == nil || r.Stock.Queries != 2 {
		t.Errorf("%+v, %+v", r.Facets, r.Stock)
	}
	if runtime.GOOS == "linux" && (r.PeakResident <= 0 || r.Build.MergeAnonymous <= 0 || r.Build.BatchProcessor <= 0) {
		t.Errorf("no memory or processor time: %+v", r)
	}
	text := prints(t, func(b *bytes.Buffer) error { return r.Print(b) })
	if strings.Count(text, "recall 1.0000, ids, scores and order true for 25 of 25") != 2 || !strings.Contains(text, "stock Bleve") {
		t.Errorf("%s", text)
	}
}

func TestSparseOfHalves(t *testing.T) {
	c := openTiny(t, 500, 10, 80)
	whole, err := Sparse(context.Background(), c, SparseSettings{Settings: tinySettings(t, 10)})
	if err != nil {
		t.Fatal(err)
	}
	half, err := Sparse(context.Background(), c, SparseSettings{Settings: tinySettings(t, 10), Half: true})
	if err != nil {
		t.Fatal(err)
	}
	half.Dot.mustBeExact(t, 10)
	if less := whole.Build.SectionBytes - half.Build.SectionBytes; less < 2*int64(whole.Postings)-64 || less > 2*int64(whole.Postings)+64 {
		t.Errorf("halves of %d activations save %d bytes", whole.Postings, less)
	}
}

func TestSteer(t *testing.T) {
	c := openTiny(t, 1000, 20, 80)
	r, err := Steer(context.Background(), c, SteerSettings{tinySettings(t, 20), 8, 0})
	if err != nil {
		t.Fatal(err)
	}
	r.Dot.mustBeExact(t, 20)
	if r.Dense != nil {
		t.Errorf("embeddings that nobody asked for: %+v", r.Dense)
	}
	if text := prints(t, func(b *bytes.Buffer) error { return r.Print(b) }); !strings.Contains(text, "8 toggles") {
		t.Errorf("%s", text)
	}
	for _, toggles := range []int{0, 81} {
		if _, err := Steer(context.Background(), c, SteerSettings{tinySettings(t, 20), toggles, 0}); err == nil {
			t.Errorf("%d toggles", toggles)
		}
	}
}

func TestSteerEmbeddings(t *testing.T) {
	c := openTiny(t, 600, 15, 80)
	r, err := Steer(context.Background(), c, SteerSettings{tinySettings(t, 15), 8, 20})
	if err != nil {
		t.Fatal(err)
	}
	r.Dot.mustBeExact(t, 15)
	r.Dense.mustBeExact(t, 15)
	if text := prints(t, func(b *bytes.Buffer) error { return r.Print(b) }); strings.Count(text, "8 toggles") != 2 {
		t.Errorf("%s", text)
	}
	if _, err := Steer(context.Background(), c, SteerSettings{tinySettings(t, 15), 8, -1}); err == nil {
		t.Error("-1 dimensions")
	}
}

func TestSteeringIsAlwaysTheSame(t *testing.T) {
	c := openTiny(t, 50, 10, 40)
	queries, err := c.Queries(10)
	if err != nil {
		t.Fatal(err)
	}
	a, err := steer(c, queries, 6)
	if err != nil {
		t.Fatal(err)
	}
	b, err := steer(c, queries, 6)
	if err != nil {
		t.Fatal(err)
	}
	for q := range a {
		if len(a[q].corrections.Features) != 6 {
			t.Errorf("query %d has %d toggles", q, len(a[q].corrections.Features))
		}
		for i, w := range a[q].sum.Weights {
			if b[q].sum.Weights[i] != w {
				t.Errorf("query %d: weight %d is %v and %v", q, i, w, b[q].sum.Weights[i])
			}
		}
	}
}

func TestDense(t *testing.T) {
	s := tinySettings(t, 15)
	s.Threads = 2
	r, err := Dense(context.Background(), DenseSettings{Settings: s, Documents: 700, Dim: 20, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	r.mustBeExact(t, 15)
	if text := prints(t, func(b *bytes.Buffer) error { return r.Print(b) }); !strings.Contains(text, "700 vectors of 20 components") {
		t.Errorf("%s", text)
	}
}

func TestSettingsThatMeasureNothing(t *testing.T) {
	c := openTiny(t, 10, 1, 10)
	for _, change := range []func(*Settings){
		func(s *Settings) { s.Queries = 0 }, func(s *Settings) { s.K = -1 }, func(s *Settings) { s.Threads = 0 },
		func(s *Settings) { s.Rounds = 0 }, func(s *Settings) { s.Batch = 0 },
	} {
		s := tinySettings(t, 1)
		change(&s)
		if _, err := Sparse(context.Background(), c, SparseSettings{Settings: s}); err == nil {
			t.Errorf("%+v", s)
		}
	}
	for _, s := range []DenseSettings{{Documents: 0, Dim: 1}, {Documents: 1, Dim: 0}} {
		s.Settings = tinySettings(t, 1)
		if _, err := Dense(context.Background(), s); err == nil {
			t.Errorf("%+v", s)
		}
	}
}

func TestCanceledBenchmarksLeaveNothing(t *testing.T) {
	c := openTiny(t, 1000, 5, 80)
	for _, word := range []string{"building", "merging", "measuring"} {
		ctx, cancel := context.WithCancel(context.Background())
		s := SparseSettings{Settings: tinySettings(t, 5)}
		s.Say = func(format string, _ ...any) {
			if strings.HasPrefix(format, word) {
				cancel()
			}
		}
		if _, err := Sparse(ctx, c, s); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled while %s: %v", word, err)
		}
		cancel()
	}
}
