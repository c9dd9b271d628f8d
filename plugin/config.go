package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/steersight/steersight/featureindex"
)

// An index's configuration carries its Options to where segments are made,
// under segmentConfig. It is part of index_meta.json.
const (
	segmentConfigKey = "segmentConfig"
	optionsKey       = "features"
)

// internalKey is where an index keeps its Options for those who open it.
var internalKey = []byte("_steersight_features")

// optionsJSON is featureindex.Options in an index's files.
type optionsJSON struct {
	Fingerprint string   `json:"fingerprint"`
	Features    int      `json:"features"`
	Views       []string `json:"views"`
	Dim         int      `json:"dim"`
	Half        bool     `json:"half"`
}

// encodeOptions returns the options as JSON, or an error that wraps ErrOptions
// if no index can have them.
func encodeOptions(o featureindex.Options) ([]byte, error) {
	if _, err := featureindex.NewBuilder(o); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	if !utf8.ValidString(o.Fingerprint) {
		return nil, fmt.Errorf("%w: the fingerprint is no text", ErrOptions)
	}
	for _, view := range o.Views {
		if view == UnionField || view[0] == '_' || !utf8.ValidString(view) {
			return nil, fmt.Errorf("%w: a view cannot be named %q", ErrOptions, view)
		}
	}
	return json.Marshal(optionsJSON(o))
}

// decodeOptions reads what encodeOptions wrote.
func decodeOptions(b []byte) (*featureindex.Options, error) {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	var o optionsJSON
	if err := decoder.Decode(&o); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	options := featureindex.Options(o)
	return &options, nil
}

// configured returns the options in a segment's configuration, or nil.
func configured(config map[string]any) (*featureindex.Options, error) {
	text, ok := config[optionsKey].(string)
	if !ok {
		return nil, nil
	}
	return decodeOptions([]byte(text))
}
