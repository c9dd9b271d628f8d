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
// deleted documents took and makes searches fastest. It needs as much disk again
// as the index takes while it runs. Searches and writes go on meanwhile; with
// writes that never pause it may give up with an error.
func Compact(ctx context.Context, i bleve.Index) error {
	advanced, err := i.Advanced()
	if err != nil {
		return err
	}
	s, ok := advanced.(*scorch.Scorch)
	if !ok {
		return fmt.Errorf("%w: it is a %T", ErrNotFeatureIndex, advanced)
	}
	// scorch's own options take ten segments at a time and stop.
	options := mergeplan.SingleSegmentMergePlanOptions
	options.SegmentsPerMergeTask = 1 << 16
	const passes = 200
	for range passes { // segments that reach the disk while a pass is under way need another
		if err := s.ForceMerge(ctx, &options); err != nil {
			return err
		}
		segments, err := segmentsIn(i)
		if err != nil || segments <= 1 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New("the segments do not become one while documents keep being written")
}

// segmentsIn returns how many segments an index has.
func segmentsIn(i bleve.Index) (n int, err error) {
	err = withReader(i, func(r *scorch.IndexSnapshot) error {
		n = len(r.Segments())
		return nil
	})
	return n, err
}
