package index

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestReadersAndWriters searches while documents come, change and go: each
// answer must be of one moment, so that its facet counts what it matched and
// its hits add up.
func TestReadersAndWriters(t *testing.T) {
	documents := testDocuments(31, 200)
	ix := newTestIndex(t, filepath.Join(t.TempDir(), "ix"), documents[:50], 25)
	running, stop := context.WithTimeout(ctx, 1500*time.Millisecond)
	defer stop()
	var all sync.WaitGroup
	fail := func(err error) {
		if err != nil && running.Err() == nil {
			t.Error(err)
			stop()
		}
	}
	for w := range 2 {
		all.Go(func() {
			for i := 0; running.Err() == nil; i++ {
				from := (w*100 + i*10) % 190
				fail(ix.Put(running, documents[from:from+10]...))
				fail(ix.Delete(running, fmt.Sprintf("d%04d", (i*7+w)%200)))
			}
		})
	}
	for r := range 2 {
		all.Go(func() {
			for i := 0; running.Err() == nil; i++ {
				request := Request{Vector: documents[(i+r)%200].Embedding, Explain: ExplainFull, Size: pointer(5),
					Toggles: []Toggle{{Feature: 5, Action: Boost}}, Facets: []FacetRequest{{Name: "subject", Field: "subject"}, {Name: "features"}}}
				answer, err := ix.Search(running, request)
				if err != nil {
					fail(err)
					continue
				}
				for _, facet := range answer.Facets {
					if facet.Documents != answer.Matched {
						fail(fmt.Errorf("facet %s counts %d of %d matched", facet.Name, facet.Documents, answer.Matched))
					}
				}
				for _, hit := range answer.Hits {
					score := *hit.Parts.Steering
					for _, view := range hit.Views {
						score += view.Score
					}
					if math.Abs(score-hit.Score) > 1e-6 {
						fail(fmt.Errorf("%s: %v, not %v", hit.ID, score, hit.Score))
					}
				}
			}
		})
	}
	all.Wait()
	if damage, err := ix.Check(ctx); err != nil || len(damage) > 0 {
		t.Errorf("%v, %v", damage, err)
	}
}
