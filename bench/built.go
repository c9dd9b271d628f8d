package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/plugin"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// Build is what making an index took. Reading the documents is left out.
type Build struct {
	Documents         int     `json:"documents"`
	BatchSeconds      float64 `json:"batch_seconds"`
	MergeSeconds      float64 `json:"merge_seconds"`
	BatchProcessor    float64 `json:"batch_processor_seconds"` // background merges included
	MergeProcessor    float64 `json:"merge_processor_seconds"`
	BatchRate         float64 `json:"documents_per_second"`
	Rate              float64 `json:"documents_per_second_with_merge"`
	ProcessorRate     float64 `json:"documents_per_processor_second"` // batches alone
	IndexBytes        int64   `json:"index_bytes"`                    // of the merged segment's file
	SectionBytes      int64   `json:"section_bytes"`                  // of the features in it
	BatchAnonymous    int64   `json:"batch_peak_anonymous_bytes"`
	MergeAnonymous    int64   `json:"merge_peak_anonymous_bytes"`
	MergePeakResident int64   `json:"merge_peak_resident_bytes"` // of all up to the end of the merge
}

// A built index lies in a temporary folder and has one segment.
type built struct {
	index   bleve.Index
	folder  string
	numbers []uint32 // by document of the set, its number in the index
	Build
}

// A maker makes an index out of documents.
type maker struct {
	create    func(path string) (bleve.Index, error)
	documents int
	batch     int // documents in a batch
	dir       string
	// read returns documents, numbered from 0; add makes one Bleve's.
	read func(from, to int) ([]featureindex.Document, error)
	add  func(d *document.Document, codes featureindex.Document) error
	say  func(format string, args ...any)
}

// make makes the index. The caller closes it.
func (m *maker) make(ctx context.Context) (b *built, err error) {
	folder, err := os.MkdirTemp(m.dir, "steersight-bench-")
	if err != nil {
		return nil, err
	}
	b = &built{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.index, err = m.create(filepath.Join(folder, "index")); err != nil {
		return b, err
	}
	m.say("building an index of %d documents in %s", m.documents, folder)
	if err = m.fill(ctx, b); err != nil {
		return b, err
	}
	m.say("merging it into one segment")
	if err = b.merge(ctx); err != nil {
		return b, err
	}
	b.Documents = m.documents
	b.BatchRate = ratio(float64(m.documents), b.BatchSeconds)
	b.ProcessorRate = ratio(float64(m.documents), b.BatchProcessor)
	b.Rate = ratio(float64(m.documents), b.BatchSeconds+b.MergeSeconds)
	return b, b.look()
}

// close closes the index and removes its files.
func (b *built) close() error {
	var errs []error
	if b.index != nil {
		errs = append(errs, b.index.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(b.folder))...)
}

// fill adds the documents in batches.
func (m *maker) fill(ctx context.Context, b *built) error {
	memory := watchAnonymous()
	defer func() { b.BatchAnonymous = memory() }()
	for from := 0; from < m.documents; from += m.batch {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		documents, err := m.read(from, min(from+m.batch, m.documents))
		if err != nil {
			return err
		}
		start, before := time.Now(), processorTime()
		if err := m.put(b.index, from, documents); err != nil {
			return err
		}
		b.BatchSeconds += time.Since(start).Seconds()
		b.BatchProcessor += (processorTime() - before).Seconds()
	}
	return nil
}

// put indexes a batch of documents of which the first has a number.
func (m *maker) put(i bleve.Index, first int, documents []featureindex.Document) error {
	batch := i.NewBatch()
	for n, d := range documents {
		doc := document.NewDocument(strconv.Itoa(first + n))
		if err := m.add(doc, d); err != nil {
			return err
		}
		if err := batch.IndexAdvanced(doc); err != nil {
			return err
		}
	}
	return i.Batch(batch)
}

// merge merges the index into one segment.
func (b *built) merge(ctx context.Context) error {
	debug.FreeOSMemory() // what the batches left
	memory := watchAnonymous()
	start, before := time.Now(), processorTime()
	err := plugin.Compact(ctx, b.index)
	b.MergeSeconds, b.MergeProcessor = time.Since(start).Seconds(), (processorTime() - before).Seconds()
	b.MergeAnonymous, b.MergePeakResident = memory(), peakResident()
	return errors.Join(err, ctx.Err())
}

// look finds out the size of the index and the numbers of its documents.
func (b *built) look() error {
	advanced, err := b.index.Advanced()
	if err != nil {
		return err
	}
	reader, err := advanced.Reader()
	if err != nil {
		return err
	}
	defer reader.Close()
	snapshot, ok := reader.(*scorch.IndexSnapshot)
	if !ok || len(snapshot.Segments()) != 1 {
		return errors.New("the index was not merged into one segment")
	}
	if onDisk, ok := snapshot.Segments()[0].Segment().(segment.PersistedSegment); ok {
		info, err := os.Stat(onDisk.Path())
		if err != nil {
			return err
		}
		b.IndexBytes = info.Size()
	}
	err = b.withSection(func(s *featureindex.Section) error {
		b.SectionBytes = s.Stats().Bytes
		return nil
	})
	if err != nil {
		return err
	}
	b.numbers = make([]uint32, b.Documents)
	for number := range b.numbers {
		id, err := reader.ExternalID(index.NewIndexInternalID(nil, uint64(number)))
		if err != nil {
			return err
		}
		row, err := strconv.Atoi(id)
		if err != nil || row < 0 || row >= len(b.numbers) {
			return fmt.Errorf("document %d of the index has the id %q", number, id)
		}
		b.numbers[row] = uint32(number)
	}
	return nil
}

// search runs a query as an application would.
func (b *built) search(ctx context.Context, q query.Query, k int) (*bleve.SearchResult, error) {
	return b.index.SearchInContext(ctx, bleve.NewSearchRequestOptions(q, k, 0, false))
}

// hits returns the hits of a result by their numbers in the index.
func (b *built) hits(result *bleve.SearchResult) ([]featureindex.Hit, error) {
	hits := make([]featureindex.Hit, len(result.Hits))
	for i, h := range result.Hits {
		row, err := strconv.Atoi(h.ID)
		if err != nil || row < 0 || row >= len(b.numbers) {
			return nil, fmt.Errorf("a hit has the id %q", h.ID)
		}
		hits[i] = featureindex.Hit{Document: b.numbers[row], Score: h.Score}
	}
	return hits, nil
}

// measure measures queries through Bleve and returns their hits too.
func (b *built) measure(ctx context.Context, queries []query.Query, k, rounds int) (Latency, [][]featureindex.Hit, error) {
	results := make([]*bleve.SearchResult, len(queries))
	latency, err := measure(ctx, len(queries), rounds, func(q int) (err error) {
		results[q], err = b.search(ctx, queries[q], k)
		return err
	})
	if err != nil {
		return latency, nil, err
	}
	answers := make([][]featureindex.Hit, len(results))
	for q, result := range results {
		if answers[q], err = b.hits(result); err != nil {
			return latency, nil, err
		}
	}
	return latency, answers, nil
}

// withSection calls f with the index's only section.
func (b *built) withSection(f func(*featureindex.Section) error) (err error) {
	snapshot, err := plugin.Acquire(b.index)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	return snapshot.Sections(func(_ uint64, s *featureindex.Section) error { return f(s) })
}
