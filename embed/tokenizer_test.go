package embed

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// tinyTokenizer opens the tokenizer of a tiny folder as OpenFolder does.
func tinyTokenizer(t testing.TB, name string) *tokenizer {
	t.Helper()
	return openTiny(t, name, FolderOptions{}).tokenizer
}

func TestWindowCutsTheTextsEnd(t *testing.T) {
	for _, name := range []string{"mean", "added"} {
		tok := tinyTokenizer(t, name)
		for _, text := range tinyTexts(t) {
			whole := tok.encode(text, 0)
			n, body := len(whole), whole[1:len(whole)-1]
			for _, window := range []int{2, 3, 7, 48, n, n + 1} {
				want := slices.Concat(whole[:1], body[:min(len(body), window-2)], whole[n-1:])
				if got := tok.encode(text, window); !slices.Equal(got, want) {
					t.Errorf("%q in %d tokens: got %v, want %v", text, window, got, want)
				}
			}
		}
	}
}

func TestLongTextIsTokenizedInSegments(t *testing.T) {
	tok := tinyTokenizer(t, "mean")
	r := rand.New(rand.NewPCG(1, 2))
	texts := tinyTexts(t)
	for range 20 {
		var long strings.Builder
		for long.Len() < 4*segmentBytes {
			long.WriteString(texts[r.IntN(len(texts))])
			if r.IntN(4) > 0 {
				long.WriteByte(' ')
			}
		}
		var whole tokenizing
		whole.tokenizer = tok
		at := 0
		for {
			start, end, token, ok := tok.verbatim.next(long.String(), at)
			if !ok {
				break
			}
			whole.split(tok.normalizer.append(nil, long.String()[at:start]))
			whole.ids = append(whole.ids, token.id)
			at = end
		}
		whole.split(tok.normalizer.append(nil, long.String()[at:]))
		want := slices.Concat(tok.before, whole.ids, tok.after)
		if got := tok.encode(long.String(), 0); !slices.Equal(got, want) {
			t.Fatalf("%d bytes in segments give other tokens than at once", long.Len())
		}
	}
}

func TestWordPieceTakesTheLongestPiece(t *testing.T) {
	ids := map[string]int32{"[UNK]": 0, "a": 1, "ab": 2, "##c": 3, "##cd": 4, "é": 5, "##é": 6, "abcd": 7}
	w := newWordPiece(ids, "##", 0, 6)
	for word, want := range map[string][]int32{
		"a": {1}, "ab": {2}, "abc": {2, 3}, "abcd": {7}, "abcdc": {7, 3}, "acdé": {1, 4, 6}, "éé": {5, 6},
		"c": {0}, "abx": {0}, "x": {0}, "éééééé": {5, 6, 6, 6, 6, 6}, "ééééééé": {0}, "\xc3": {0},
	} {
		if got := w.append(nil, []byte(word)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", word, got, want)
		}
	}
}

func TestVocabLines(t *testing.T) {
	got := parseVocab("a\nb\r\n\nc\rb")
	want := map[string]int32{"a": 0, "b": 4, "": 2, "c": 3}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%q: got %d, want %d", k, got[k], v)
		}
	}
}

func TestRunesOfOtherUnicodeVersionsAreLeftAlone(t *testing.T) {
	n := normalizer{cleanText: true, chineseChars: true, stripAccents: true, lowercase: true}
	for text, want := range map[string]string{
		"É":                "e",
		"İ":                "i",
		"ΣΑΣ":              "σασ",
		"a\u0327\u0301":    "a",
		"x\u07fd":          "x\u07fd",    // a mark since Unicode 11
		"\U00011938":       "\U00011938", // decomposes since Unicode 13
		"\U00016ea0":       "\U00016ebb", // has lower case since Unicode 17
		"a\u000bb":         "ab",         // white space, but a control character first
		"中a":               " 中 a",
		"\U0001d165\u302e": "\U0001d165\u302e",
		"\u302e\U0001d165": "\U0001d165\u302e", // classes 224 and 216 change places
		"\xff\xfe":         "",
	} {
		if got := string(n.append(nil, text)); got != want {
			t.Errorf("%+q: got %+q, want %+q", text, got, want)
		}
	}
}

// anyText draws a text that is awkward for a tokenizer, UTF-8 or not.
func anyText() *rapid.Generator[string] {
	parts := rapid.OneOf(
		rapid.SampledFrom([]string{"[SEP]", "[MASK]", "<B>", "<L>", " ", "New Token", "\u0301", "\u302e", "日", "가", "\xff", "ab"}),
		rapid.StringN(1, 5, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 5), func(b []byte) string { return string(b) }),
	)
	return rapid.Map(rapid.SliceOfN(parts, 0, 30), func(s []string) string { return strings.Join(s, "") })
}

func TestTokenizerTakesAnyText(t *testing.T) {
	for _, name := range []string{"mean", "cased", "added"} {
		tok := tinyTokenizer(t, name)
		rapid.Check(t, func(t *rapid.T) {
			text := anyText().Draw(t, "text")
			window := rapid.IntRange(2, 20).Draw(t, "window")
			whole, cut := tok.encode(text, 0), tok.encode(text, window)
			if len(cut) > window || !slices.Equal(cut[:len(cut)-1], whole[:len(cut)-1]) {
				t.Fatalf("%v is not the start of %v", cut, whole)
			}
			for _, id := range whole {
				if id < 0 || int(id) >= tok.vocab {
					t.Fatalf("id %d of %d", id, tok.vocab)
				}
			}
		})
	}
}

func FuzzTokenizer(f *testing.F) {
	var toks []*tokenizer
	for _, name := range []string{"mean", "cased", "added"} {
		toks = append(toks, tinyTokenizer(f, name))
	}
	for _, text := range tinyTexts(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			if n := len(tok.encode(text, 0)); n > 3*len(text)+2 {
				t.Errorf("%d tokens of %d bytes", n, len(text))
			}
			if n := len(tok.encode(text, 8)); n > 8 {
				t.Errorf("%d tokens in a window of 8", n)
			}
		}
	})
}

// writeFiles writes the files of a folder into a new directory.
func writeFiles(t testing.TB, files map[string]string) folderFS {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, fsys); err != nil {
		t.Fatal(err)
	}
	return folderFS(dir)
}

func tinyFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(tinyDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// FuzzTokenizerFiles reads damaged tokenizer files; whatever loads must work.
func FuzzTokenizerFiles(f *testing.F) {
	f.Add("tokenizer.json", tinyFile(f, "added/tokenizer.json"), tinyFile(f, "added/tokenizer_config.json"), tinyFile(f, "added/special_tokens_map.json"))
	f.Add("tokenizer.json", tinyFile(f, "cased/tokenizer.json"), tinyFile(f, "cased/tokenizer_config.json"), "{}")
	f.Add("vocab.txt", tinyFile(f, "vocab/vocab.txt"), tinyFile(f, "vocab/tokenizer_config.json"), "{}")
	f.Add("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na", `{"added_tokens_decoder":{"7":{"content":"x"}}}`, "{}")
	f.Fuzz(func(t *testing.T, name, file, config, special string) {
		if name != "tokenizer.json" {
			name = "vocab.txt"
		}
		dir := writeFiles(t, map[string]string{name: file, "tokenizer_config.json": config, "special_tokens_map.json": special})
		c, err := readTokenizerConfig(dir, "")
		if err != nil {
			return
		}
		if tok, err := openTokenizer(dir, c); err == nil {
			c.maxLength()
			tok.encode("the [SEP] test É 日本 x", 0)
		}
	})
}

// FuzzConfigs reads damaged configurations of a folder with good weights.
func FuzzConfigs(f *testing.F) {
	f.Add(tinyFile(f, "mean/config.json"), tinyFile(f, "mean/modules.json"), tinyFile(f, "mean/1_Pooling/config.json"), tinyFile(f, "mean/sentence_bert_config.json"), tinyFile(f, "added/config_sentence_transformers.json"))
	weights, tok := tinyFile(f, "mean/model.safetensors"), tinyFile(f, "mean/tokenizer.json")
	f.Fuzz(func(t *testing.T, config, modules, pooling, sentence, sbert string) {
		dir := writeFiles(t, map[string]string{
			"config.json": config, "modules.json": modules, "1_Pooling/config.json": pooling, "sentence_bert_config.json": sentence,
			"config_sentence_transformers.json": sbert, "model.safetensors": weights, "tokenizer.json": tok,
		})
		folder, err := openFolder(dir, FolderOptions{Threads: 1})
		if err != nil {
			return
		}
		defer folder.Close()
		rows, err := folder.Encode(t.Context(), []string{"", "the test"})
		if err == nil && (len(rows) != 2 || len(rows[0]) != folder.Dim()) {
			t.Errorf("%d rows", len(rows))
		}
	})
}

func BenchmarkTokenizer(b *testing.B) {
	tok := tinyTokenizer(b, "mean")
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, naïve café. ", 50)
	b.SetBytes(int64(len(text)))
	tokens := 0
	for b.Loop() {
		tokens += len(tok.encode(text, 0))
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
}
