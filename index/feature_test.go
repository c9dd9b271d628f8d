package index

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/steersight/steersight/model"
)

func TestFeature(t *testing.T) {
	documents := testDocuments(21, 120)
	all := truths(t, documents)
	ix := newTestIndex(t, filepath.Join(t.TempDir(), "ix"), documents, 50)
	most, at := 0, uint32(0)
	for j := range uint32(200) {
		n := 0
		for i := range all {
			if all[i].activation(j, 4) > 0 {
				n++
			}
		}
		if n > most {
			most, at = n, j
		}
	}
	f, err := ix.Feature(ctx, at, 5)
	if err != nil {
		t.Fatal(err)
	}
	if f.Documents != most || f.Of != 120 || f.Label != testModel().Labels.Of(int(at)) {
		t.Errorf("%+v, want %d documents", f, most)
	}
	slices.SortFunc(all, func(a, b truth) int {
		return cmp.Or(cmp.Compare(b.activation(at, 4), a.activation(at, 4)), cmp.Compare(a.ID, b.ID))
	})
	for i, top := range f.Top {
		if top.ID != all[i].ID || math.Abs(top.Activation-all[i].activation(at, 4)) > 1e-6 || top.Text != all[i].Text {
			t.Errorf("top %d is %+v, want %s", i, top, all[i].ID)
		}
	}
	total := 0
	for _, n := range f.Histogram {
		total += n
	}
	views := 0
	for _, view := range model.Views() {
		views = max(views, f.Views[view])
	}
	if total != most || views > most || len(f.Together) != 5 || len(f.Near) != 5 || f.Near[0].Similarity < f.Near[4].Similarity {
		t.Errorf("%+v", f)
	}
	if _, err := ix.Feature(ctx, 200, 5); err == nil {
		t.Error("feature 200 of 200")
	}
	stats, err := ix.Stats(ctx)
	if err != nil || stats.Documents != 120 || stats.Active == 0 || stats.Bytes == 0 || len(stats.Damaged) > 0 || stats.Segments == 0 {
		t.Errorf("%+v, %v", stats, err)
	}
	if damage, err := ix.Check(ctx); err != nil || len(damage) > 0 {
		t.Errorf("%v, %v", damage, err)
	}
}
