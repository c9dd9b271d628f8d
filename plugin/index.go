package plugin

import (
	"fmt"
	"maps"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"
)

// Create makes an index with feature sections, in a new folder or, for an empty
// path, in memory. config, which may be nil, is scorch's (numSnapshotsToKeep and
// so on); it is not written to. bleve.Open opens the index again in any program
// that imports this package.
func Create(path string, m mapping.IndexMapping, o featureindex.Options, config map[string]any) (bleve.Index, error) {
	options, err := encodeOptions(o)
	if err != nil {
		return nil, err
	}
	i, err := bleve.NewUsing(path, m, scorch.Name, scorch.Name, configure(config, options))
	if err != nil {
		return nil, err
	}
	if err := i.SetInternal(internalKey, options); err != nil {
		_ = i.Close()
		return nil, err
	}
	return i, nil
}

// configure returns a copy of config that makes segments of our type.
func configure(config map[string]any, options []byte) map[string]any {
	c := map[string]any{}
	maps.Copy(c, config)
	inner := map[string]any{}
	if given, ok := config[segmentConfigKey].(map[string]any); ok {
		maps.Copy(inner, given)
	}
	inner[optionsKey] = string(options)
	c[segmentConfigKey] = inner
	c["forceSegmentType"], c["forceSegmentVersion"] = SegmentType, int(SegmentVersion)
	return c
}

// BuilderConfig returns a configuration with which bleve.NewBuilder makes an
// index offline that bleve.Open takes. Its documents' Fields must share one
// Options; Options does not find them in the finished index before the first
// document with a Field is in it.
func BuilderConfig(o featureindex.Options, config map[string]any) (map[string]any, error) {
	options, err := encodeOptions(o)
	if err != nil {
		return nil, err
	}
	return configure(config, options), nil
}

// Options returns the options with which an index was made.
func Options(i bleve.Index) (*featureindex.Options, error) {
	b, err := i.GetInternal(internalKey)
	if err != nil {
		return nil, err
	}
	if b != nil {
		return decodeOptions(b)
	}
	var found *featureindex.Options
	err = withReader(i, func(r *scorch.IndexSnapshot) error {
		for _, s := range segmentsOf(r) {
			if section := s.codes.section(); section != nil {
				o := section.Options()
				found = &o
				return nil
			}
		}
		return ErrNotFeatureIndex
	})
	return found, err
}

// withReader calls f with a snapshot of an index.
func withReader(i bleve.Index, f func(*scorch.IndexSnapshot) error) (err error) {
	advanced, err := i.Advanced()
	if err != nil {
		return err
	}
	r, err := advanced.Reader()
	if err != nil {
		return err
	}
	defer func() {
		if closing := r.Close(); err == nil {
			err = closing
		}
	}()
	s, err := snapshotOf(r)
	if err != nil {
		return err
	}
	return f(s)
}

// snapshotOf returns a reader as the snapshot that it is.
func snapshotOf(r index.IndexReader) (*scorch.IndexSnapshot, error) {
	if s, ok := r.(*scorch.IndexSnapshot); ok {
		return s, nil
	}
	return nil, fmt.Errorf("%w: its reader is a %T", ErrNotFeatureIndex, r)
}
