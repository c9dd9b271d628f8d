package embed

import "unicode/utf8"

// A wordPiece cuts words into the longest pieces a vocabulary has, from left
// to right (Schuster and Nakajima 2012, as BERT uses it).
type wordPiece struct {
	ids      map[string]int32 // the vocabulary: piece → id
	tails    map[string]int32 // the continuing pieces without their prefix
	longest  int              // bytes in the longest piece
	unknown  int32            // id of a word that cannot be cut
	maxChars int              // a word of more characters is unknown
}

// newWordPiece indexes a vocabulary; prefix marks a continuing piece.
func newWordPiece(ids map[string]int32, prefix string, unknown int32, maxChars int) *wordPiece {
	w := &wordPiece{ids: ids, tails: make(map[string]int32, len(ids)/4), unknown: unknown, maxChars: maxChars}
	for piece, id := range ids {
		w.longest = max(w.longest, len(piece))
		if len(piece) >= len(prefix) && piece[:len(prefix)] == prefix {
			w.tails[piece[len(prefix):]] = id
		}
	}
	return w
}

// append appends the ids of one word's pieces. The word is not empty.
func (w *wordPiece) append(dst []int32, word []byte) []int32 {
	if id, ok := w.ids[string(word)]; ok && len(word) <= w.maxChars {
		return append(dst, id)
	}
	if len(word) > w.maxChars && utf8.RuneCount(word) > w.maxChars {
		return append(dst, w.unknown)
	}
	mark, pieces := len(dst), w.ids
	for len(word) > 0 {
		id, size := w.longestPiece(pieces, word)
		if size == 0 {
			return append(dst[:mark], w.unknown)
		}
		dst, word, pieces = append(dst, id), word[size:], w.tails
	}
	return dst
}

// longestPiece returns the longest of the pieces that word starts with, and
// its length in bytes, or 0 if there is none.
func (w *wordPiece) longestPiece(pieces map[string]int32, word []byte) (id int32, size int) {
	for end := min(len(word), w.longest); end > 0; end-- {
		if end < len(word) && !utf8.RuneStart(word[end]) {
			continue
		}
		if id, ok := pieces[string(word[:end])]; ok {
			return id, end
		}
	}
	return 0, 0
}
