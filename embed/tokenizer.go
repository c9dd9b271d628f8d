package embed

import (
	"strings"
	"unicode/utf8"
)

// segmentBytes is about how much text is tokenized at a time, so that a long
// text costs no more than what the window keeps of it.
const segmentBytes = 4096

// A tokenizer turns a text into the token ids that BERT's tokenizer in Hugging
// Face's tokenizers library gives it. It may be used by several goroutines.
type tokenizer struct {
	normalizer normalizer
	words      *wordPiece
	verbatim   *addedTokens // looked for in the text as it is
	normalized *addedTokens // looked for in the normalized text
	before     []int32      // ids put before the text's own, [CLS]
	after      []int32      // and after them, [SEP]
	vocab      int          // one more than the largest id
}

// encode returns the ids of a text with those around it. At most window ids
// are returned: what is too much is cut from the text's end. A window of 0
// means no limit; another must leave room for the ids around.
func (t *tokenizer) encode(text string, window int) []int32 {
	p := tokenizing{tokenizer: t, ids: append([]int32(nil), t.before...)}
	if window > 0 {
		p.limit = window - len(t.after)
	}
	p.text(text)
	if window > 0 && len(p.ids) > p.limit {
		p.ids = p.ids[:p.limit]
	}
	return append(p.ids, t.after...)
}

// A tokenizing is one run of a tokenizer over a text.
type tokenizing struct {
	*tokenizer
	ids   []int32
	limit int    // stop when there are as many ids, unless 0
	buf   []byte // normalized text
}

// full reports whether the window has all the ids it can take.
func (p *tokenizing) full() bool { return p.limit > 0 && len(p.ids) >= p.limit }

// text tokenizes the text: added tokens, and what stands between them.
func (p *tokenizing) text(text string) {
	at := 0
	for !p.full() {
		start, end, token, ok := p.verbatim.next(text, at)
		if !ok {
			p.plain(text[at:])
			return
		}
		p.plain(text[at:start])
		if p.full() {
			return
		}
		p.ids = append(p.ids, token.id)
		at = end
	}
}

// plain tokenizes a text without verbatim added tokens.
func (p *tokenizing) plain(text string) {
	if p.normalized.any {
		p.cooked(string(p.normalizer.append(nil, text)))
		return
	}
	for len(text) > 0 && !p.full() {
		cut := len(text)
		if cut > segmentBytes {
			if blank := strings.IndexByte(text[segmentBytes:], ' '); blank >= 0 {
				cut = segmentBytes + blank
			}
		}
		p.buf = p.normalizer.append(p.buf[:0], text[:cut])
		p.split(p.buf)
		text = text[cut:]
	}
}

// cooked tokenizes a normalized text that may hold added tokens.
func (p *tokenizing) cooked(text string) {
	at := 0
	for !p.full() {
		start, end, token, ok := p.normalized.next(text, at)
		if !ok {
			p.split([]byte(text[at:]))
			return
		}
		p.split([]byte(text[at:start]))
		p.ids = append(p.ids, token.id)
		at = end
	}
}

// split cuts normalized text into words at white space and around
// punctuation, and the words into pieces.
func (p *tokenizing) split(text []byte) {
	word := 0 // where the current word starts
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		space, punct := isSpace(r), false
		if !space {
			punct = isPunct(r)
		}
		if space || punct {
			p.word(text[word:i])
			if punct {
				p.word(text[i : i+size])
			}
			if p.full() {
				return
			}
			word = i + size
		}
		i += size
	}
	p.word(text[word:])
}

// word tokenizes a word, which may be empty.
func (p *tokenizing) word(word []byte) {
	if len(word) > 0 {
		p.ids = p.words.append(p.ids, word)
	}
}
