package embed

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// An addedToken is a string that is a token wherever it stands in a text,
// whatever the model would make of it: "[SEP]" and the like.
type addedToken struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // not inside of a word
	LStrip     bool   `json:"lstrip"`      // takes the white space before it along
	RStrip     bool   `json:"rstrip"`      // and after it
	Normalized bool   `json:"normalized"`  // looked for in the normalized text
	Special    bool   `json:"special"`

	id int32
}

// An addedTokens finds added tokens in a text.
type addedTokens struct {
	byFirst [256][]addedToken // by first byte, longest first
	any     bool
}

// newAddedTokens indexes the tokens; one without content is left out.
func newAddedTokens(tokens []addedToken) *addedTokens {
	a := &addedTokens{}
	for _, t := range tokens {
		if t.Content != "" {
			first := t.Content[0]
			a.byFirst[first] = append(a.byFirst[first], t)
			a.any = true
		}
	}
	for i := range a.byFirst {
		slices.SortStableFunc(a.byFirst[i], func(x, y addedToken) int { return cmp.Compare(len(y.Content), len(x.Content)) })
	}
	return a
}

// next finds the first added token at or after byte from of text. It returns
// where the token starts and ends, the white space that it takes included (none
// from before byte from). ok is false if there is none.
func (a *addedTokens) next(text string, from int) (start, end int, token *addedToken, ok bool) {
	if !a.any {
		return 0, 0, nil, false
	}
	for i := from; i < len(text); i++ {
		t := a.at(text[i:])
		if t == nil {
			continue
		}
		start, end = i, i+len(t.Content)
		if t.SingleWord && (wordEnds(text[:start]) || wordStarts(text[end:])) {
			i = end - 1
			continue
		}
		if t.LStrip {
			start = max(from, len(strings.TrimRightFunc(text[:start], isSpace)))
		}
		if t.RStrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], isSpace))
		}
		return start, end, t, true
	}
	return 0, 0, nil, false
}

// at returns the longest token that text starts with, or nil.
func (a *addedTokens) at(text string) *addedToken {
	tokens := a.byFirst[text[0]]
	for i := range tokens {
		if strings.HasPrefix(text, tokens[i].Content) {
			return &tokens[i]
		}
	}
	return nil
}

// wordEnds reports whether the last character of s belongs to a word.
func wordEnds(s string) bool {
	r, size := utf8.DecodeLastRuneInString(s)
	return size > 0 && isWord(r)
}

// wordStarts reports whether the first character of s belongs to a word.
func wordStarts(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	return size > 0 && isWord(r)
}
