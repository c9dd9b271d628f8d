package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/plugin"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/search/query"
)

// view is the only view of an index made of a code set.
const view = "original"

// Settings are what every benchmark can be told.
type Settings struct {
	Queries int `json:"queries"` // at most
	K       int `json:"k"`       // hits of each
	Threads int `json:"threads"` // goroutines of one query
	Rounds  int `json:"rounds"`
	Batch   int `json:"batch"` // documents in a batch

	Dir string                           `json:"-"` // for temporary files; the system's for ""
	Say func(format string, args ...any) `json:"-"` // is told what is being done; may be nil
}

// check returns an error for settings that measure nothing, and fills in Say.
func (s *Settings) check() error {
	for _, n := range []struct {
		name  string
		value int
	}{{"queries", s.Queries}, {"k", s.K}, {"threads", s.Threads}, {"rounds", s.Rounds}, {"batch", s.Batch}} {
		if n.value < 1 {
			return fmt.Errorf("%s is %d: must be 1 or more", n.name, n.value)
		}
	}
	if s.Say == nil {
		s.Say = func(string, ...any) {}
	}
	return nil
}

// SparseSettings are the settings of Sparse.
type SparseSettings struct {
	Settings
	Half  bool `json:"half"`          // activations as float16
	Stock int  `json:"stock_queries"` // queries asked of stock Bleve too, of an index of its own
}

// A SparseReport is what Sparse found out.
type SparseReport struct {
	Settings        SparseSettings `json:"settings"`
	Documents       int            `json:"documents"`
	Features        int            `json:"features"`
	Postings        int            `json:"postings"`
	Queries         int            `json:"queries"`
	Build           Build          `json:"build"`
	BytesPerPosting float64        `json:"bytes_per_posting"`
	PeakResident    int64          `json:"peak_resident_bytes"`
	Dot             Method         `json:"dot"`
	Overlap         Method         `json:"overlap"`
	Facets          FacetTimes     `json:"facets"`
	Stock           *Stock         `json:"stock,omitempty"`
}

// A Method is a way of scoring.
type Method struct {
	Exactness
	Search      Latency `json:"search"`
	Kernel      Latency `json:"kernel"`
	Shared      Latency `json:"with_shared_features"`
	SharedExtra float64 `json:"shared_features_extra"` // of the p50 of Search
	TwoThreads  Latency `json:"two_threads"`           // 0 where there is one processor only
	Speedup     float64 `json:"two_threads_speedup"`   // of the p50

	answers [][]featureindex.Hit // of Search, by query
}

// FacetTimes are the times of counting all features over a tenth of the
// documents, drawn at random.
type FacetTimes struct {
	Documents int     `json:"documents"`
	Counted   int     `json:"features_counted"`
	Search    float64 `json:"ms"` // counted and sorted, through a snapshot of the index
	Kernel    float64 `json:"kernel_ms"`
}

// Sparse measures weighted dot products and overlap counts over a code set. With
// activations as float16 the truth is that of the rounded ones.
func Sparse(ctx context.Context, c *Codes, s SparseSettings) (report *SparseReport, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	queries, err := c.Queries(s.Queries)
	if err != nil {
		return nil, err
	}
	if s.Half {
		c = c.rounded()
	}
	b, err := buildCodes(ctx, c, &codeSettings{Settings: s.Settings, half: s.Half})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := &SparseReport{
		Settings: s, Documents: c.Documents(), Features: c.Features(), Postings: c.Postings(), Queries: len(queries),
		Build: b.Build, BytesPerPosting: ratio(float64(b.IndexBytes), float64(c.Postings())),
	}
	s.Say("measuring %d queries in %d rounds", len(queries), s.Rounds)
	if err := r.measure(ctx, b, queries, &s.Settings); err != nil {
		return nil, err
	}
	if s.Stock > 0 {
		s.Say("building stock Bleve's index of the same features as words")
		if r.Stock, err = stock(ctx, c, queries[:min(s.Stock, len(queries))], &s.Settings); err != nil {
			return nil, err
		}
	}
	r.PeakResident = peakResident()
	return r, r.prove(ctx, c, b, queries, &s.Settings)
}

// codeSettings are how an index of codes is made.
type codeSettings struct {
	Settings
	half    bool     // activations as float16
	vectors *vectors // the documents' embeddings; nil for none
}

// buildCodes makes an index of the codes of a set.
func buildCodes(ctx context.Context, c *Codes, s *codeSettings) (*built, error) {
	options := &featureindex.Options{Features: c.Features(), Views: []string{view}, Half: s.half}
	if s.vectors != nil {
		options.Dim = s.vectors.s.Dim
	}
	m := &maker{
		create: func(path string) (bleve.Index, error) {
			return plugin.Create(path, bleve.NewIndexMapping(), *options, nil)
		},
		documents: c.Documents(), batch: s.Batch, dir: s.Dir, say: s.Say,
		read: func(from, to int) ([]featureindex.Document, error) {
			documents, err := documents(c, from, to)
			if options.Dim > 0 {
				for i := range documents {
					documents[i].Embedding = s.vectors.vector(from + i)
				}
			}
			return documents, err
		},
		add: func(d *document.Document, codes featureindex.Document) error {
			d.AddField(plugin.NewField(options, codes))
			return nil
		},
	}
	return m.make(ctx)
}

// documents reads documents of one view.
func documents(c *Codes, from, to int) ([]featureindex.Document, error) {
	codes, err := c.Read(from, to)
	documents := make([]featureindex.Document, len(codes))
	for i := range codes {
		documents[i].Views = codes[i : i+1 : i+1]
	}
	return documents, err
}

// A method asks the queries in one way, through Bleve and of a section.
type method struct {
	queries []query.Query
	kernel  func(ctx context.Context, s *featureindex.Section, q int, search featureindex.Search) ([]featureindex.Hit, error)
	report  *Method
}

// methods returns Dot and Overlap for the queries.
func (r *SparseReport) methods(terms []featureindex.Terms, k int) [2]*method {
	dot, overlap := &method{report: &r.Dot}, &method{report: &r.Overlap}
	for _, t := range terms {
		dot.queries = append(dot.queries, &plugin.Dot{View: view, Terms: t, K: k})
		overlap.queries = append(overlap.queries, &plugin.Overlap{View: view, Features: t.Features, K: k})
	}
	dot.kernel = func(ctx context.Context, s *featureindex.Section, q int, search featureindex.Search) ([]featureindex.Hit, error) {
		return s.Dot(ctx, 0, terms[q], search)
	}
	overlap.kernel = func(ctx context.Context, s *featureindex.Section, q int, search featureindex.Search) ([]featureindex.Hit, error) {
		return s.Overlap(ctx, 0, terms[q].Features, 1, search)
	}
	return [2]*method{dot, overlap}
}

// measure takes all times, and keeps the answers for prove.
func (r *SparseReport) measure(ctx context.Context, b *built, terms []featureindex.Terms, s *Settings) error {
	for _, m := range r.methods(terms, s.K) {
		if err := m.measure(ctx, b, terms, s); err != nil {
			return err
		}
	}
	return r.Facets.measure(ctx, b, s)
}

// measure takes the times of a method.
func (m *method) measure(ctx context.Context, b *built, terms []featureindex.Terms, s *Settings) (err error) {
	threaded := plugin.WithThreads(ctx, s.Threads)
	if _, m.report.answers, err = b.measure(threaded, m.queries, s.K, 1); err != nil {
		return err
	}
	return b.withSection(func(section *featureindex.Section) error {
		runs := []func(q int) error{
			func(q int) error { _, err := b.search(threaded, m.queries[q], s.K); return err },
			func(q int) error {
				_, err := m.kernel(ctx, section, q, featureindex.Search{K: s.K, Threads: s.Threads})
				return err
			},
			func(q int) error { return searchShared(threaded, b, m.queries[q], terms[q], s.K) },
		}
		if runtime.GOMAXPROCS(0) > 1 {
			two := plugin.WithThreads(ctx, 2)
			runs = append(runs, func(q int) error { _, err := b.search(two, m.queries[q], s.K); return err })
		}
		times, err := measureBeside(ctx, len(m.queries), s.Rounds, runs...)
		if err != nil {
			return err
		}
		m.report.Search, m.report.Kernel, m.report.Shared = times[0], times[1], times[2]
		m.report.SharedExtra = ratio(m.report.Shared.P50, m.report.Search.P50) - 1
		if len(times) > 3 {
			m.report.TwoThreads, m.report.Speedup = times[3], ratio(times[0].P50, times[3].P50)
		}
		return nil
	})
}

// searchShared runs a query and finds the features that each hit shares with it.
func searchShared(ctx context.Context, b *built, q query.Query, terms featureindex.Terms, k int) (err error) {
	ctx, snapshot := plugin.Watch(ctx)
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	result, err := b.search(ctx, q, k)
	if err != nil {
		return err
	}
	documents := make([]*plugin.Document, len(result.Hits))
	for i, hit := range result.Hits {
		if documents[i], err = snapshot.Document(hit); err != nil {
			return err
		}
	}
	for _, document := range documents {
		if _, err := document.Shared(view, terms); err != nil {
			return err
		}
	}
	return nil
}

// measure takes the times of facets over documents that a search matched.
func (f *FacetTimes) measure(ctx context.Context, b *built, s *Settings) (err error) {
	random := rand.New(rand.NewPCG(1, 2))
	var ids []string
	numbers := roaring.New()
	for _, row := range random.Perm(len(b.numbers))[:max(1, len(b.numbers)/10)] {
		ids = append(ids, strconv.Itoa(row))
		numbers.Add(b.numbers[row])
	}
	f.Documents = len(ids)
	watched, snapshot := plugin.Watch(ctx)
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	if _, err := b.search(watched, bleve.NewDocIDQuery(ids), 1); err != nil {
		return err
	}
	count := func() error {
		facets, err := snapshot.Facets(ctx, view)
		if err == nil {
			f.Counted = len(facets.Counts)
		}
		return err
	}
	if f.Search, err = fastest(s.Rounds, count); err != nil {
		return err
	}
	return b.withSection(func(section *featureindex.Section) (err error) {
		f.Kernel, err = fastest(s.Rounds, func() error {
			_, err := section.Facets(ctx, 0, numbers)
			return err
		})
		return err
	})
}

// fastest returns the fastest of so many runs, after one to warm up, in
// milliseconds.
func fastest(rounds int, run func() error) (float64, error) {
	l, err := measure(context.Background(), 1, rounds, func(int) error { return run() })
	return l.P50, err
}

// prove compares the answers with the truth.
func (r *SparseReport) prove(ctx context.Context, c *Codes, b *built, terms []featureindex.Terms, s *Settings) error {
	start := time.Now()
	want, err := bruteForce(ctx, c, terms, s.K, b.numbers, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	s.Say("computed the truth in %.1f s", time.Since(start).Seconds())
	r.Dot.Exactness = compare(r.Dot.answers, want.dot)
	r.Overlap.Exactness = compare(r.Overlap.answers, want.overlap)
	return nil
}
