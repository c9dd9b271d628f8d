package embed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A tokenizerConfig is what counts of tokenizer_config.json.
type tokenizerConfig struct {
	Class          string                     `json:"tokenizer_class"`
	Lowercase      *bool                      `json:"do_lower_case"`
	StripAccents   *bool                      `json:"strip_accents"`
	ChineseChars   *bool                      `json:"tokenize_chinese_chars"`
	MaxLength      *float64                   `json:"model_max_length"`
	TruncationSide string                     `json:"truncation_side"`
	SplitSpecial   bool                       `json:"split_special_tokens"`
	Added          map[string]addedTokenEntry `json:"added_tokens_decoder"`
	Special        specialTokens              `json:"-"`
}

// An addedTokenEntry is an added token in a file, where it may also be a plain
// string.
type addedTokenEntry struct {
	addedToken
	Normalized *bool `json:"normalized"`
}

// UnmarshalJSON reads a string or an object.
func (e *addedTokenEntry) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &e.Content)
	}
	type plain addedTokenEntry
	return json.Unmarshal(b, (*plain)(e))
}

// token returns the entry as a token; one that does not say is looked for in
// the text as it is if it is special.
func (e addedTokenEntry) token(special bool) addedToken {
	t := e.addedToken
	t.Special = t.Special || special
	t.Normalized = !t.Special
	if e.Normalized != nil {
		t.Normalized = *e.Normalized
	}
	return t
}

// specialTokens are the tokens with a role.
type specialTokens struct {
	Unk        *addedTokenEntry  `json:"unk_token"`
	Sep        *addedTokenEntry  `json:"sep_token"`
	Pad        *addedTokenEntry  `json:"pad_token"`
	Cls        *addedTokenEntry  `json:"cls_token"`
	Mask       *addedTokenEntry  `json:"mask_token"`
	Bos        *addedTokenEntry  `json:"bos_token"`
	Eos        *addedTokenEntry  `json:"eos_token"`
	Additional []addedTokenEntry `json:"additional_special_tokens"`
}

// all returns the tokens in the order in which they get ids.
func (s *specialTokens) all() (tokens []addedToken) {
	for _, e := range []*addedTokenEntry{s.Bos, s.Eos, s.Unk, s.Sep, s.Pad, s.Cls, s.Mask} {
		if e != nil {
			tokens = append(tokens, e.token(true))
		}
	}
	for _, e := range s.Additional {
		tokens = append(tokens, e.token(true))
	}
	return tokens
}

// bertClasses are the tokenizer classes whose options in tokenizer_config.json
// overrule tokenizer.json, with BERT's defaults where they are left out.
var bertClasses = []string{"", "BertTokenizer", "BertTokenizerFast"}

// genericClass is the tokenizer class that follows tokenizer.json alone.
const genericClass = "PreTrainedTokenizerFast"

// readTokenizerConfig reads tokenizer_config.json and special_tokens_map.json,
// both optional. class is the class that config.json names.
func readTokenizerConfig(dir folderFS, class string) (*tokenizerConfig, error) {
	c := &tokenizerConfig{Class: class}
	if _, err := dir.readJSON("tokenizer_config.json", c); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(bertClasses, c.Class) && c.Class != genericClass:
		return nil, fmt.Errorf("tokenizer_config.json: tokenizer_class is %q: BertTokenizer, BertTokenizerFast and %s are supported", c.Class, genericClass)
	case c.TruncationSide != "" && c.TruncationSide != "right":
		return nil, fmt.Errorf("tokenizer_config.json: truncation_side is %q: only right is supported", c.TruncationSide)
	case c.SplitSpecial:
		return nil, errors.New("tokenizer_config.json: split_special_tokens is not supported")
	}
	if c.Class != genericClass {
		c.Special = bertSpecialTokens()
	}
	if _, err := dir.readJSON("tokenizer_config.json", &c.Special); err != nil {
		return nil, err
	}
	if c.Added == nil {
		if _, err := dir.readJSON("special_tokens_map.json", &c.Special); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// bertSpecialTokens returns BERT's own names.
func bertSpecialTokens() specialTokens {
	named := func(s string) *addedTokenEntry { return &addedTokenEntry{addedToken: addedToken{Content: s}} }
	return specialTokens{Unk: named("[UNK]"), Sep: named("[SEP]"), Pad: named("[PAD]"), Cls: named("[CLS]"), Mask: named("[MASK]")}
}

// overrule sets the options that a BERT class takes from its own file.
func (c *tokenizerConfig) overrule(n *normalizer) {
	if c.Class == genericClass {
		return
	}
	n.lowercase = c.Lowercase == nil || *c.Lowercase
	n.chineseChars = c.ChineseChars == nil || *c.ChineseChars
	n.stripAccents = n.lowercase
	if c.StripAccents != nil {
		n.stripAccents = *c.StripAccents
	}
}

// maxLength returns model_max_length, or a huge number if there is none.
func (c *tokenizerConfig) maxLength() int {
	if c.MaxLength == nil || *c.MaxLength > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(*c.MaxLength)
}

// openTokenizer reads the tokenizer of a folder: tokenizer.json, or else
// vocab.txt.
func openTokenizer(dir folderFS, c *tokenizerConfig) (*tokenizer, error) {
	var file tokenizerFile
	ok, err := dir.readJSON("tokenizer.json", &file)
	if err != nil {
		return nil, err
	}
	if !ok {
		return openVocab(dir, c)
	}
	t, added, err := file.tokenizer()
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	c.overrule(&t.normalizer)
	return t, addTokens(dir, t, c, added)
}

// A tokenizerFile is what counts of tokenizer.json.
type tokenizerFile struct {
	Added      []addedTokenEntry `json:"added_tokens"`
	Normalizer *struct {
		Type         string `json:"type"`
		CleanText    *bool  `json:"clean_text"`
		ChineseChars *bool  `json:"handle_chinese_chars"`
		StripAccents *bool  `json:"strip_accents"`
		Lowercase    *bool  `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	PostProcessor postProcessor `json:"post_processor"`
	Model         struct {
		Type     string          `json:"type"`
		Unknown  *string         `json:"unk_token"`
		Prefix   *string         `json:"continuing_subword_prefix"`
		MaxChars *int            `json:"max_input_chars_per_word"`
		Vocab    json.RawMessage `json:"vocab"`
	} `json:"model"`
}

// tokenizer builds what the file says, but for the added tokens, which it
// returns.
func (f *tokenizerFile) tokenizer() (*tokenizer, []addedToken, error) {
	if f.Model.Type != "WordPiece" {
		return nil, nil, fmt.Errorf("model.type is %q: only WordPiece is supported", f.Model.Type)
	}
	if f.PreTokenizer.Type != "BertPreTokenizer" {
		return nil, nil, fmt.Errorf("pre_tokenizer.type is %q: only BertPreTokenizer is supported", f.PreTokenizer.Type)
	}
	t := &tokenizer{}
	if n := f.Normalizer; n != nil {
		if n.Type != "BertNormalizer" {
			return nil, nil, fmt.Errorf("normalizer.type is %q: only BertNormalizer is supported", n.Type)
		}
		lower := or(n.Lowercase, true)
		t.normalizer = normalizer{or(n.CleanText, true), or(n.ChineseChars, true), or(n.StripAccents, lower), lower}
	}
	var vocab map[string]int32
	if err := json.Unmarshal(f.Model.Vocab, &vocab); err != nil {
		return nil, nil, fmt.Errorf("model.vocab: %w", err)
	}
	err := t.setVocab(vocab, or(f.Model.Prefix, "##"), or(f.Model.Unknown, "[UNK]"), or(f.Model.MaxChars, 100))
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	if t.before, t.after, err = f.PostProcessor.around(); err != nil {
		return nil, nil, fmt.Errorf("post_processor: %w", err)
	}
	var added []addedToken
	for _, e := range f.Added {
		added = append(added, e.token(false))
	}
	return t, added, nil
}

// or returns *p, or what a missing field means.
func or[T any](p *T, missing T) T {
	if p == nil {
		return missing
	}
	return *p
}

// setVocab gives the tokenizer its vocabulary.
func (t *tokenizer) setVocab(vocab map[string]int32, prefix, unknown string, maxChars int) error {
	id, ok := vocab[unknown]
	if !ok {
		return fmt.Errorf("the vocabulary lacks the unknown token %q", unknown)
	}
	for piece, id := range vocab {
		if id < 0 || id == math.MaxInt32 {
			return fmt.Errorf("token %q has id %d", piece, id)
		}
		t.vocab = max(t.vocab, int(id)+1)
	}
	t.words = newWordPiece(vocab, prefix, id, maxChars)
	return nil
}

// A postProcessor says which tokens are put around those of a text.
type postProcessor struct {
	Type    string          `json:"type"`
	Single  []templatePiece `json:"single"`
	Special map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
	Sep namedID `json:"sep"`
	Cls namedID `json:"cls"`
}

// A templatePiece is a special token or the text.
type templatePiece struct {
	SpecialToken *typedID `json:"SpecialToken"`
	Sequence     *typedID `json:"Sequence"`
}

// A typedID names a piece and gives its token type.
type typedID struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

// A namedID is the id of a pair of a token and its id.
type namedID struct{ id int32 }

// UnmarshalJSON reads ["[SEP]", 102].
func (n *namedID) UnmarshalJSON(b []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &n.id)
}

// around returns the ids before and after those of a text.
func (p *postProcessor) around() (before, after []int32, err error) {
	switch p.Type {
	case "BertProcessing":
		return []int32{p.Cls.id}, []int32{p.Sep.id}, nil
	case "TemplateProcessing":
		return p.template()
	}
	return nil, nil, fmt.Errorf("type is %q: TemplateProcessing and BertProcessing are supported", p.Type)
}

// template returns the ids around a text as a template gives them.
func (p *postProcessor) template() (before, after []int32, err error) {
	side, texts := &before, 0
	for _, piece := range p.Single {
		switch {
		case piece.Sequence != nil && piece.Sequence.TypeID == 0:
			side = &after
			texts++
		case piece.SpecialToken != nil && piece.SpecialToken.TypeID == 0:
			special, ok := p.Special[piece.SpecialToken.ID]
			if !ok {
				return nil, nil, fmt.Errorf("special_tokens lacks %q, which the template names", piece.SpecialToken.ID)
			}
			*side = append(*side, special.IDs...)
		default:
			return nil, nil, errors.New("single has a piece that is neither a special token nor a text of type 0")
		}
	}
	if texts != 1 {
		return nil, nil, fmt.Errorf("single holds the text %d times", texts)
	}
	return before, after, nil
}

// openVocab reads the tokenizer of a folder without tokenizer.json: one token
// a line in vocab.txt, the line's number its id.
func openVocab(dir folderFS, c *tokenizerConfig) (*tokenizer, error) {
	text, err := dir.read("vocab.txt")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("neither tokenizer.json nor vocab.txt is there")
	}
	if err != nil {
		return nil, err
	}
	if c.Class == genericClass {
		return nil, fmt.Errorf("tokenizer.json is missing, and tokenizer_class %s needs it", genericClass)
	}
	t := &tokenizer{normalizer: normalizer{cleanText: true}}
	c.overrule(&t.normalizer)
	vocab := parseVocab(string(text))
	unknown, cls, sep := c.Special.Unk, c.Special.Cls, c.Special.Sep
	if unknown == nil || cls == nil || sep == nil {
		return nil, errors.New("tokenizer_config.json: unk_token, cls_token and sep_token must not be null")
	}
	if err := t.setVocab(vocab, "##", unknown.Content, 100); err != nil {
		return nil, fmt.Errorf("vocab.txt: %w", err)
	}
	for _, name := range []string{cls.Content, sep.Content} {
		if _, ok := vocab[name]; !ok {
			return nil, fmt.Errorf("vocab.txt: the vocabulary lacks %q", name)
		}
	}
	t.before, t.after = []int32{vocab[cls.Content]}, []int32{vocab[sep.Content]}
	return t, addTokens(dir, t, c, nil)
}

// parseVocab numbers the lines of a vocab.txt; of equal lines the last counts.
func parseVocab(text string) map[string]int32 {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	vocab := make(map[string]int32, strings.Count(text, "\n"))
	id := int32(0)
	for line := range strings.Lines(text) {
		vocab[strings.TrimSuffix(line, "\n")] = id
		id++
	}
	return vocab
}

// addTokens gives the tokenizer its added tokens: those of tokenizer.json
// first, then those that the other files bring along.
func addTokens(dir folderFS, t *tokenizer, c *tokenizerConfig, tokens []addedToken) error {
	more, err := sortedEntries(c.Added)
	if err != nil {
		return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
	}
	tokens = append(tokens, more...)
	if c.Added == nil {
		legacy, err := legacyTokens(dir)
		if err != nil {
			return err
		}
		tokens = append(tokens, legacy...)
	}
	tokens = append(tokens, c.Special.all()...)
	t.setAdded(tokens)
	return nil
}

// setAdded numbers the added tokens, leaving out those with the content of an
// earlier one. A token of the vocabulary keeps its id, another gets the next.
func (t *tokenizer) setAdded(tokens []addedToken) {
	var verbatim, normalized []addedToken
	seen := map[string]bool{"": true}
	next := int32(len(t.words.ids))
	for _, token := range tokens {
		if seen[token.Content] {
			continue
		}
		seen[token.Content] = true
		id, ok := t.words.ids[token.Content]
		if !ok {
			id = next
		}
		next = max(next, id+1)
		token.id = id
		t.vocab = max(t.vocab, int(id)+1)
		if token.Normalized {
			token.Content = string(t.normalizer.append(nil, token.Content))
			normalized = append(normalized, token)
		} else {
			verbatim = append(verbatim, token)
		}
	}
	t.verbatim, t.normalized = newAddedTokens(verbatim), newAddedTokens(normalized)
}

// sortedEntries returns the tokens of an added_tokens_decoder in the order of
// their ids.
func sortedEntries(entries map[string]addedTokenEntry) ([]addedToken, error) {
	byID := map[int]addedToken{}
	for key, e := range entries {
		id, err := strconv.Atoi(key)
		if err != nil {
			return nil, fmt.Errorf("%q is not an id", key)
		}
		byID[id] = e.token(false)
	}
	var tokens []addedToken
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		tokens = append(tokens, byID[id])
	}
	return tokens, nil
}

// legacyTokens reads added_tokens.json, which maps tokens to ids.
func legacyTokens(dir folderFS) ([]addedToken, error) {
	var ids map[string]int
	if _, err := dir.readJSON("added_tokens.json", &ids); err != nil {
		return nil, err
	}
	contents := slices.SortedFunc(maps.Keys(ids), func(a, b string) int { return ids[a] - ids[b] })
	var tokens []addedToken
	for _, content := range contents {
		tokens = append(tokens, addedToken{Content: content, Normalized: true})
	}
	return tokens, nil
}
