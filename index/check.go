package index

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/steersight/steersight/plugin"
)

// Check reads every byte of the index's segments and returns what is damaged.
func (ix *Index) Check(ctx context.Context) ([]*plugin.CorruptionError, error) {
	done, err := ix.use()
	if err != nil {
		return nil, err
	}
	defer done()
	return plugin.Check(ctx, ix.bleve)
}

// Compact merges the segments of the index into one, which makes searches
// fastest and gives back the space of deleted documents.
func (ix *Index) Compact(ctx context.Context) error {
	done, err := ix.change()
	if err != nil {
		return err
	}
	defer done()
	return plugin.Compact(ctx, ix.bleve)
}

// Stats are the sizes of an index.
type Stats struct {
	Documents uint64   `json:"documents"`
	Bytes     int64    `json:"bytes"` // on disk, 0 in memory
	Features  int      `json:"features"`
	Active    int      `json:"active_features"` // that any document has
	Segments  int      `json:"segments"`
	Damaged   []string `json:"damaged,omitempty"` // what is wrong with feature sections
	Lost      uint64   `json:"lost,omitempty"`    // documents, at most, whose codes were lost in merges
	Manifest  Manifest `json:"manifest"`
}

// Stats returns the sizes of the index.
func (ix *Index) Stats(ctx context.Context) (s Stats, err error) {
	done, err := ix.use()
	if err != nil {
		return s, err
	}
	defer done()
	v, err := ix.open()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	s.Manifest, s.Features = ix.manifest, ix.features.Features
	health, err := v.snapshot.Health()
	if err != nil {
		return s, err
	}
	s.Segments, s.Lost = health.Segments, health.Lost
	for _, damage := range health.Damaged {
		s.Damaged = append(s.Damaged, damage.Error())
	}
	facets, err := v.allFacets(ctx)
	if err != nil {
		return s, err
	}
	s.Documents, s.Active = facets.Documents, len(facets.Counts)
	if name := ix.bleve.Name(); name != "" {
		s.Bytes, err = folderSize(filepath.Dir(name))
	}
	return s, err
}

// folderSize returns the bytes of all files under a folder.
func folderSize(path string) (size int64, err error) {
	err = filepath.WalkDir(path, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
