package embed

import (
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The character classes below are those of Hugging Face's tokenizers library,
// whose tables stem from several Unicode versions: marks and punctuation from
// an old one, lower case from a new one. A newer table would be more right and
// give other token ids than the ones a model was trained with.

// A runeRange is a range of code points, both ends included.
type runeRange struct{ lo, hi rune }

// inTable reports whether r lies in one of the ranges, which are ascending.
func inTable(table []runeRange, r rune) bool {
	_, ok := slices.BinarySearchFunc(table, r, func(rr runeRange, r rune) int {
		switch {
		case rr.hi < r:
			return -1
		case rr.lo > r:
			return 1
		}
		return 0
	})
	return ok
}

// Classes of an ASCII character.
const (
	asciiControl = 1 << iota // dropped by clean_text
	asciiSpace               // separates words
	asciiPunct               // a word of its own
)

// asciiClass tells the classes of an ASCII character.
var asciiClass = func() (class [128]uint8) {
	for r := range rune(128) {
		if inTable(controlTable, r) {
			class[r] |= asciiControl
		}
		if unicode.Is(unicode.White_Space, r) {
			class[r] |= asciiSpace
		}
		if inTable(punctTable, r) {
			class[r] |= asciiPunct
		}
	}
	return class
}()

// isControl reports whether clean_text drops r.
func isControl(r rune) bool {
	if r < 128 {
		return asciiClass[r]&asciiControl != 0
	}
	return inTable(controlTable, r)
}

// isSpace reports whether r separates words.
func isSpace(r rune) bool {
	if r < 128 {
		return asciiClass[r]&asciiSpace != 0
	}
	return unicode.Is(unicode.White_Space, r)
}

// isPunct reports whether r is a word of its own.
func isPunct(r rune) bool {
	if r < 128 {
		return asciiClass[r]&asciiPunct != 0
	}
	return inTable(punctTable, r)
}

// isMark reports whether strip_accents drops r.
func isMark(r rune) bool { return r >= 0x300 && inTable(markTable, r) }

// isChinese reports whether handle_chinese_chars puts spaces around r.
func isChinese(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4DBF, r >= 0x4E00 && r <= 0x9FFF, r >= 0xF900 && r <= 0xFAFF:
		return true
	case r >= 0x20000 && r <= 0x2A6DF, r >= 0x2A700 && r <= 0x2B81F, r >= 0x2B920 && r <= 0x2CEAF, r >= 0x2F800 && r <= 0x2FA1F:
		return true
	}
	return false
}

// isWord reports whether r is a word character (\w) to an added token that
// wants to stand alone.
func isWord(r rune) bool {
	return r == 0x200C || r == 0x200D || unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic)
}

// appendLower appends r in lower case: Unicode 17's simple mapping, and İ as
// two characters. A final sigma is like any other.
func appendLower(dst []byte, r rune) []byte {
	switch {
	case r == 'İ':
		return append(dst, "i\u0307"...)
	case r == 0x1C89, r == 0xA7CC, r == 0xA7CE, r == 0xA7D2, r == 0xA7D4, r == 0xA7DA:
		r++
	case r == 0xA7CB:
		r = 0x264
	case r == 0xA7DC:
		r = 0x19B
	case r >= 0x10D50 && r <= 0x10D65:
		r += 0x20
	case r >= 0x16EA0 && r <= 0x16EB8:
		r += 0x1B
	default:
		r = unicode.ToLower(r)
	}
	return utf8.AppendRune(dst, r)
}

// decompose appends the full canonical decomposition of r, as Unicode 9 has
// it: the characters that came to have one later stay whole.
func decompose(dst []byte, r rune) []byte {
	switch {
	case r == 0x105C9, r == 0x105E4, r >= 0x11380 && r <= 0x113FF, r == 0x11938, r >= 0x16120 && r <= 0x1612F, r >= 0x16D60 && r <= 0x16D6F:
		return utf8.AppendRune(dst, r)
	}
	var buf [4]byte
	return norm.NFD.Append(dst, utf8.AppendRune(buf[:0], r)...)
}

// combiningClass returns the canonical combining class of r as Unicode 9 has
// it: 0 for every character that came later.
func combiningClass(r rune) uint8 {
	if r < 0x300 || !inTable(nonstarterTable, r) {
		return 0
	}
	var buf [4]byte
	return norm.NFD.Properties(utf8.AppendRune(buf[:0], r)).CCC()
}

// A combining is a character that canonical ordering may move.
type combining struct {
	r     rune
	class uint8
}

// sortCombining puts a run of combining characters in canonical order.
func sortCombining(run []combining) {
	slices.SortStableFunc(run, func(a, b combining) int { return cmp.Compare(a.class, b.class) })
}
