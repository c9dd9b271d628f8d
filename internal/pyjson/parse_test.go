package pyjson

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                              "byte 1: the text ends where a value should stand",
		`{'query': 1}`:                  "byte 2: a key in double quotes",
		`{"query": "a", "doc": `:        "the text ends where a value should stand",
		`{"a":1} x`:                     "byte 9: more text after the value",
		`{"a":1}{"a":1}`:                "byte 8: more text after the value",
		"\ufeff{}":                      "byte-order mark",
		"\"a\xffb\"":                    "byte 3: byte 0xff is not UTF-8",
		"\"a\xed\xa0\x80b\"":            "byte 3: byte 0xed is not UTF-8",
		"\"a\nb\"":                      `write it as \u000a`,
		`01`:                            "byte 2: more text after the value",
		`1.`:                            "byte 2: more text after the value",
		`.5`:                            "a value should stand here",
		`-`:                             "a value should stand here",
		`+1`:                            "a value should stand here",
		`1e`:                            "more text after the value",
		`nul`:                           "a value should stand here",
		`"abc`:                          "the text ends inside a string",
		`"a\x41"`:                       "not an escape that JSON knows",
		`"\u12g4"`:                      "four hexadecimal digits",
		`[1 2]`:                         "a comma or ] should stand here",
		`[1,]`:                          "a value should stand here",
		`{"a" 1}`:                       "a colon should stand here",
		`{"a":1 "b":2}`:                 "a comma or } should stand here",
		strings.Repeat("[", 2000):       "nested deeper than 980",
		strings.Repeat("9", 5000):       "an integer of more than 4300 digits",
		"{\"a\u00a0\": 1}\u00a0":        "more text after the value",
		`{"a": "x", "b": "\ud800" "c"}`: "a comma or } should stand here",
	} {
		_, err := Parse(in)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.40q) answers %v, want %q", in, err, want)
		}
	}
}

// FuzzParse holds Parse to: no panic, UTF-8 out, and a second pass changes
// nothing.
func FuzzParse(f *testing.F) {
	for _, c := range roundTrips {
		f.Add(c.in)
	}
	f.Add(`{"a":"\ud800"}`)
	f.Fuzz(func(t *testing.T, in string) {
		v, err := Parse(in)
		if err != nil {
			return
		}
		first, err := v.Append(nil)
		if err != nil {
			return
		}
		if !utf8.Valid(first) {
			t.Fatalf("%q became %q, not UTF-8", in, first)
		}
		again, err := Parse(string(first))
		if err != nil {
			t.Fatalf("%q became %q, which does not parse: %v", in, first, err)
		}
		second, err := again.Append(nil)
		if err != nil || string(second) != string(first) {
			t.Fatalf("%q became %q, then %q (%v)", in, first, second, err)
		}
	})
}
