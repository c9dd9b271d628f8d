package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/index/scorch/mergeplan"
)

// Compact merges all segments of an index into one, which leaves out what
// deleted documents took and makes searches fastest, and waits until that is on
// disk. It needs as much disk again as the index takes while it runs. Searches
// and writes go on meanwhile; with writes that never pause it may give up with
// an error. An index in memory stays as it is; one that was opened for reading
// only is not to be compacted.
func Compact(ctx context.Context, i bleve.Index) error {
	advanced, err := i.Advanced()
	if err != nil {
		return err
	}
	s, ok := advanced.(*scorch.Scorch)
	if !ok {
		return fmt.Errorf("%w: it is a %T", ErrNotFeatureIndex, advanced)
	}
	if files, ok := s.StatsMap()["num_files_on_disk"].(uint64); ok && files == 0 {
		return nil // scorch merges files only, and would wait for ever
	}
	const passes = 200
	for range passes { // segments that reach the disk while a pass is under way need another
		if err := mergeOnce(ctx, s); err != nil {
			return err
		}
		segments, err := segmentsIn(i)
		if err != nil {
			return err
		}
		if segments <= 1 {
			return untilPersisted(ctx, s)
		}
		if err := sleep(ctx); err != nil {
			return err
		}
	}
	return errors.New("the segments do not become one while documents keep being written")
}

// mergeOnce merges the segments that are on disk.
func mergeOnce(ctx context.Context, s *scorch.Scorch) error {
	// scorch's own options take ten segments at a time and stop.
	options := mergeplan.SingleSegmentMergePlanOptions
	options.SegmentsPerMergeTask = 1 << 16
	done := make(chan error, 1)
	go func() { done <- s.ForceMerge(ctx, &options) }() // it heeds ctx while it merges only
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-done:
		return err
	}
}

// untilPersisted waits until the state of the index is the one on disk: closed
// before, it would be opened again as it was before the merge.
func untilPersisted(ctx context.Context, s *scorch.Scorch) error {
	for {
		stats := s.StatsMap()
		root, known := stats["CurRootEpoch"].(uint64)
		persisted, ok := stats["LastPersistedEpoch"].(uint64)
		if !known || !ok || persisted >= root {
			return nil
		}
		if err := sleep(ctx); err != nil {
			return err
		}
	}
}

// sleep waits a little.
func sleep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Millisecond):
		return nil
	}
}

// segmentsIn returns how many segments an index has.
func segmentsIn(i bleve.Index) (n int, err error) {
	err = withReader(i, func(r *scorch.IndexSnapshot) error {
		n = len(r.Segments())
		return nil
	})
	return n, err
}
