package embed

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds on the numbers of a config.json, generous against any BERT we know
// of, so that no product of them overflows.
const (
	maxWidth  = 1 << 20 // hidden and intermediate size, positions, types
	maxLayers = 1 << 12
)

// A bertConfig is what counts of config.json. What is left out there has the
// value that transformers gives it.
type bertConfig struct {
	ModelType      string  `json:"model_type"`
	TokenizerClass string  `json:"tokenizer_class"`
	Vocab          int     `json:"vocab_size"`
	Hidden         int     `json:"hidden_size"`
	Layers         int     `json:"num_hidden_layers"`
	Heads          int     `json:"num_attention_heads"`
	Intermediate   int     `json:"intermediate_size"`
	Activation     string  `json:"hidden_act"`
	Epsilon        float64 `json:"layer_norm_eps"`
	Positions      int     `json:"max_position_embeddings"`
	Types          int     `json:"type_vocab_size"`
	PositionType   string  `json:"position_embedding_type"`
	Decoder        bool    `json:"is_decoder"`
	CrossAttention bool    `json:"add_cross_attention"`
}

// readBertConfig reads and checks config.json.
func readBertConfig(dir folderFS) (*bertConfig, error) {
	c := &bertConfig{
		Vocab: 30522, Hidden: 768, Layers: 12, Heads: 12, Intermediate: 3072, Activation: "gelu",
		Epsilon: 1e-12, Positions: 512, Types: 2, PositionType: "absolute",
	}
	ok, err := dir.readJSON("config.json", c)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("config.json is missing: is this the folder of a model?")
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return c, nil
}

// check returns an error if the model is none that we can run.
func (c *bertConfig) check() error {
	if c.ModelType != "bert" {
		return fmt.Errorf("model_type is %q: only bert is supported", c.ModelType)
	}
	if c.PositionType != "absolute" {
		return fmt.Errorf("position_embedding_type is %q: only absolute is supported", c.PositionType)
	}
	if c.Decoder || c.CrossAttention {
		return errors.New("is_decoder or add_cross_attention is set: only encoders are supported")
	}
	if _, ok := activations[c.Activation]; !ok {
		return fmt.Errorf("hidden_act is %q: %s are supported", c.Activation, strings.Join(slices.Sorted(maps.Keys(activations)), ", "))
	}
	for _, n := range []struct {
		field      string
		value, max int
	}{
		{"vocab_size", c.Vocab, 1 << 26},
		{"hidden_size", c.Hidden, maxWidth},
		{"num_hidden_layers", c.Layers, maxLayers},
		{"num_attention_heads", c.Heads, maxWidth},
		{"intermediate_size", c.Intermediate, maxWidth},
		{"max_position_embeddings", c.Positions, maxWidth},
		{"type_vocab_size", c.Types, maxWidth},
	} {
		if n.value < 1 || n.value > n.max {
			return fmt.Errorf("%s is %d, not between 1 and %d", n.field, n.value, n.max)
		}
	}
	if c.Hidden%c.Heads != 0 {
		return fmt.Errorf("hidden_size %d is not a multiple of num_attention_heads %d", c.Hidden, c.Heads)
	}
	if !(c.Epsilon >= 0 && c.Epsilon < 1) {
		return fmt.Errorf("layer_norm_eps is %g, not between 0 and 1", c.Epsilon)
	}
	return nil
}
