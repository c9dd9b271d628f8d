package embed

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// modules is how a folder's files make up a sentence encoder.
type modules struct {
	transformer folderFS // where the BERT model and its tokenizer lie
	pooling     pooling
	lowercase   bool   // sentence_bert_config.json's do_lower_case
	window      int    // its max_seq_length, 0 where there is none
	prompt      string // put before every text
}

// readModules reads modules.json and the files it names, or returns what
// sentence-transformers makes of a folder without it: mean pooling, and the
// other sentence-transformers files unread.
func readModules(dir folderFS) (*modules, error) {
	var list []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	ok, err := dir.readJSON("modules.json", &list)
	if err != nil {
		return nil, err
	}
	if !ok {
		return &modules{transformer: dir, pooling: poolMean}, nil
	}
	m := &modules{transformer: dir}
	withPrompt := true
	for i, module := range list {
		if module.Path != "" && !filepath.IsLocal(module.Path) {
			return nil, fmt.Errorf("modules.json: path %q leads out of the folder", module.Path)
		}
		sub := folderFS(dir.path(module.Path))
		switch kind := strings.TrimPrefix(module.Type, "sentence_transformers.models."); {
		case kind == "Transformer" && i == 0:
			err = m.readTransformer(sub)
		case kind == "Pooling" && i == 1:
			m.pooling, withPrompt, err = readPooling(sub)
		case kind == "Normalize" && i >= 2:
		default:
			return nil, fmt.Errorf("modules.json: module %d is %q: only Transformer, Pooling and Normalize are supported, in this order", i, module.Type)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(".", module.Path), err)
		}
	}
	if len(list) < 2 {
		return nil, errors.New("modules.json: a Transformer and a Pooling are needed")
	}
	m.prompt, err = readPrompt(dir)
	if err == nil && m.prompt != "" && !withPrompt {
		err = fmt.Errorf("%s: include_prompt is false for a folder with a default prompt: this is not supported", list[1].Path)
	}
	return m, err
}

// sentenceConfigs are the names that the Transformer's own file may have; the
// first one that is there counts.
var sentenceConfigs = []string{
	"sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
	"sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
	"sentence_xlnet_config.json",
}

// readTransformer reads the Transformer's own file.
func (m *modules) readTransformer(dir folderFS) error {
	m.transformer = dir
	for _, name := range sentenceConfigs {
		var c struct {
			Window        *int                       `json:"max_seq_length"`
			Lowercase     bool                       `json:"do_lower_case"`
			ModelArgs     map[string]json.RawMessage `json:"model_args"`
			TokenizerArgs map[string]json.RawMessage `json:"tokenizer_args"`
			ConfigArgs    map[string]json.RawMessage `json:"config_args"`
		}
		ok, err := dir.readJSON(name, &c)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if len(c.ModelArgs)+len(c.TokenizerArgs)+len(c.ConfigArgs) > 0 {
			return fmt.Errorf("%s: model_args, tokenizer_args and config_args are not supported", name)
		}
		if c.Window != nil {
			if m.window = *c.Window; m.window < 1 {
				return fmt.Errorf("%s: max_seq_length is %d", name, m.window)
			}
		}
		m.lowercase = c.Lowercase
		return nil
	}
	return nil
}

// readPrompt returns the prompt that config_sentence_transformers.json puts
// before every text by default.
func readPrompt(dir folderFS) (string, error) {
	const name = "config_sentence_transformers.json"
	var c struct {
		Prompts map[string]string `json:"prompts"`
		Default *string           `json:"default_prompt_name"`
	}
	if _, err := dir.readJSON(name, &c); err != nil {
		return "", err
	}
	if c.Default == nil || *c.Default == "" {
		return "", nil
	}
	prompt, ok := c.Prompts[*c.Default]
	if !ok {
		return "", fmt.Errorf("%s: prompts lacks the default prompt %q", name, *c.Default)
	}
	return prompt, nil
}
