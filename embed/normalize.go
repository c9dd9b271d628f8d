package embed

import "unicode/utf8"

// A normalizer prepares text as BERT's tokenizers do. The zero value leaves it
// as it is. Its steps work character by character, in the order of the fields.
type normalizer struct {
	cleanText    bool // drop control characters, make every white space a blank
	chineseChars bool // put blanks around each CJK ideograph
	stripAccents bool // decompose (NFD) and drop the nonspacing marks
	lowercase    bool
}

// append appends the normalized text to dst. Bytes that are not UTF-8 count
// as U+FFFD.
func (n normalizer) append(dst []byte, text string) []byte {
	run := combiningRun{lowercase: n.lowercase}
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			i++
			if n.cleanText {
				if asciiClass[c]&asciiControl != 0 {
					continue
				}
				if asciiClass[c]&asciiSpace != 0 {
					c = ' '
				}
			}
			if n.lowercase && 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(run.flush(dst), c)
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if n.cleanText {
			if isControl(r) {
				continue
			}
			if isSpace(r) {
				r = ' '
			}
		}
		dst = n.appendRune(dst, &run, r)
	}
	return run.flush(dst)
}

// appendRune appends a clean character, or leaves it in the run.
func (n normalizer) appendRune(dst []byte, run *combiningRun, r rune) []byte {
	chinese := n.chineseChars && isChinese(r)
	if chinese {
		dst = append(run.flush(dst), ' ')
	}
	switch {
	case n.stripAccents:
		dst = appendStripped(dst, run, r)
	case n.lowercase:
		dst = appendLower(dst, r)
	default:
		dst = utf8.AppendRune(dst, r)
	}
	if chinese {
		dst = append(run.flush(dst), ' ')
	}
	return dst
}

// appendStripped appends what is left of r without its accents.
func appendStripped(dst []byte, run *combiningRun, r rune) []byte {
	var buf [64]byte
	for _, r := range string(decompose(buf[:0], r)) {
		class := combiningClass(r)
		if class == 0 {
			dst = run.flush(dst)
		}
		if isMark(r) {
			continue
		}
		if class != 0 {
			run.chars = append(run.chars, combining{r, class})
			continue
		}
		dst = run.appendCased(dst, r)
	}
	return dst
}

// A combiningRun holds the combining characters since the last character of
// class 0 that are not dropped, until their order is known.
type combiningRun struct {
	chars     []combining
	lowercase bool
}

// flush appends the run in canonical order and empties it.
func (run *combiningRun) flush(dst []byte) []byte {
	if len(run.chars) == 0 {
		return dst
	}
	sortCombining(run.chars)
	for _, c := range run.chars {
		dst = run.appendCased(dst, c.r)
	}
	run.chars = run.chars[:0]
	return dst
}

// appendCased appends r, in lower case if the normalizer wants that.
func (run *combiningRun) appendCased(dst []byte, r rune) []byte {
	if run.lowercase {
		return appendLower(dst, r)
	}
	return utf8.AppendRune(dst, r)
}
