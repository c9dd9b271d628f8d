package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// A table is what a report is printed on.
type table struct{ *tabwriter.Writer }

func newTable(out io.Writer) table { return table{tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)} }

// fact prints a name and what is said of it.
func (t table) fact(name, format string, values ...any) {
	fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, values...))
}

// gap prints an empty line; columns before and after it are set apart.
func (t table) gap() { fmt.Fprintln(t) }

const timesHead = "\tp10 ms\tp50 ms\tp99 ms\tnote\n"

// times prints a line of times.
func (t table) times(name string, l Latency, format string, values ...any) {
	fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%.4f\t%s\n", name, l.P10, l.P50, l.P99, fmt.Sprintf(format, values...))
}

// build prints what making the index took.
func (t table) build(b *Build) {
	t.fact("batches", "%.2f s, %.0f documents/s; %.0f for a second of processor time, background merges included", b.BatchSeconds, b.BatchRate, b.ProcessorRate)
	t.fact("merge", "%.2f s, %.0f documents/s with the batches; %.2f s of processor time", b.MergeSeconds, b.Rate, b.MergeProcessor)
	t.fact("memory", "%s anonymous at most in the batches, %s in the merge; %s resident with mapped files",
		megabytes(b.BatchAnonymous), megabytes(b.MergeAnonymous), megabytes(b.MergePeakResident))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func (s *Settings) line() string {
	return fmt.Sprintf("k %d, fastest of %d rounds, threads %d, batches of %d", s.K, s.Rounds, s.Threads, s.Batch)
}

func (e *Exactness) line() string {
	return fmt.Sprintf("recall %.4f, ids, scores and order true for %d of %d", e.Recall, e.InOrder, e.Queries)
}

// Print prints the report for people.
func (r *SparseReport) Print(out io.Writer) error {
	t := newTable(out)
	t.fact("documents", "%d, with %.1f of %d features each", r.Documents, ratio(float64(r.Postings), float64(r.Documents)), r.Features)
	t.fact("queries", "%d, %s", r.Queries, r.Settings.line())
	t.build(&r.Build)
	t.fact("index", "%s, of which the features are %s; %.2f bytes a posting in all", megabytes(r.Build.IndexBytes), megabytes(r.Build.SectionBytes), r.BytesPerPosting)
	t.fact("peak", "%s resident in all", megabytes(r.PeakResident))
	t.gap()
	fmt.Fprint(t, timesHead)
	t.method("dot", &r.Dot)
	t.method("overlap", &r.Overlap)
	if r.Stock != nil {
		t.times("stock Bleve", r.Stock.Search, "%d queries, disjunctions of boosted terms", r.Stock.Queries)
	}
	t.gap()
	t.fact("facets", "%.2f ms (kernel %.2f ms) for %d features over %d documents", r.Facets.Search, r.Facets.Kernel, r.Facets.Counted, r.Facets.Documents)
	if r.Stock != nil {
		t.gap()
		t.fact("stock Bleve", "index of %s", megabytes(r.Stock.Build.IndexBytes))
		t.build(&r.Stock.Build)
	}
	return t.Flush()
}

// method prints the lines of a method.
func (t table) method(name string, m *Method) {
	t.times(name, m.Search, "%s", m.line())
	t.times("  kernel", m.Kernel, "the rest is Bleve: %+.4f ms", m.Search.P50-m.Kernel.P50)
	t.times("  and shared features", m.Shared, "%+.1f %%", 100*m.SharedExtra)
	if m.Speedup > 0 {
		t.times("  two threads", m.TwoThreads, "%.2f times as fast", m.Speedup)
	}
}
