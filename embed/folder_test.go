package embed

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const tinyDir = "testdata/tiny"

// tinyFolders are the folders that make_tiny.py writes.
var tinyFolders = []string{"mean", "cls", "vocab", "cased", "max", "half", "bare", "casedvocab", "added"}

// readTestJSON reads a JSON file into v.
func readTestJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// readVectors reads a little-endian float32 .npy of rows of width numbers.
func readVectors(t testing.TB, path string, width int) [][]float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 10 || string(b[:6]) != "\x93NUMPY" {
		t.Fatalf("%s is not a version 1 .npy", path)
	}
	data := b[10+int(binary.LittleEndian.Uint16(b[8:])):]
	flat := make([]float32, len(data)/4)
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, flat); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(flat, width))
}

func tinyTexts(t testing.TB) (texts []string) {
	readTestJSON(t, filepath.Join(tinyDir, "texts.json"), &texts)
	return texts
}

func openTiny(t testing.TB, name string, opts FolderOptions) *Folder {
	t.Helper()
	f, err := OpenFolder(filepath.Join(tinyDir, name), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// distance returns the largest difference of two sets of vectors and their
// smallest cosine.
func distance(got, want [][]float32) (diff, cosine float64) {
	cosine = 1
	for i := range got {
		var dot float64
		for j, x := range got[i] {
			diff = max(diff, math.Abs(float64(x)-float64(want[i][j])))
			dot += float64(x) * float64(want[i][j])
		}
		cosine = min(cosine, dot)
	}
	return diff, cosine
}

func TestFolderGivesTheReferencesTokensAndVectors(t *testing.T) {
	texts := tinyTexts(t)
	for _, name := range tinyFolders {
		t.Run(name, func(t *testing.T) {
			f := openTiny(t, name, FolderOptions{})
			var golden struct {
				Window int
				Same   string
				IDs    [][]int32
			}
			readTestJSON(t, filepath.Join(tinyDir, name, "ids.json"), &golden)
			window := golden.Window
			if golden.Same != "" {
				readTestJSON(t, filepath.Join(tinyDir, golden.Same, "ids.json"), &golden)
			}
			if f.Window() != window {
				t.Errorf("window %d, want %d", f.Window(), window)
			}
			for i, text := range texts {
				if got := f.Tokens(text); !slices.Equal(got, golden.IDs[i]) {
					t.Errorf("text %d %q:\n got %v\nwant %v", i, text, got, golden.IDs[i])
				}
			}
			got, err := f.Encode(context.Background(), texts)
			if err != nil {
				t.Fatal(err)
			}
			diff, cosine := distance(got, readVectors(t, filepath.Join(tinyDir, name, "golden.npy"), f.Dim()))
			t.Logf("largest difference %.2g, smallest cosine %.9f", diff, cosine)
			if diff > 1e-6 {
				t.Errorf("vectors differ by up to %g, want at most 1e-6", diff)
			}
		})
	}
}

// bits returns the vectors as bits, which compare NaN and -0 apart.
func bits(vectors [][]float32) (all [][]uint32) {
	for _, v := range vectors {
		row := make([]uint32, len(v))
		for j, x := range v {
			row[j] = math.Float32bits(x)
		}
		all = append(all, row)
	}
	return all
}

func TestVectorDoesNotDependOnItsBatch(t *testing.T) {
	texts := tinyTexts(t)
	for _, name := range []string{"mean", "max", "added"} {
		f := openTiny(t, name, FolderOptions{Threads: 1})
		var alone [][]float32
		for _, text := range texts {
			v, err := f.Encode(t.Context(), []string{text})
			if err != nil {
				t.Fatal(err)
			}
			alone = append(alone, v[0])
		}
		want := bits(alone)
		rapid.Check(t, func(rt *rapid.T) {
			f := openTiny(t, name, FolderOptions{Threads: rapid.IntRange(1, 4).Draw(rt, "threads")})
			picks := rapid.SliceOfN(rapid.IntRange(0, len(texts)-1), 1, 300).Draw(rt, "picks")
			batch := make([]string, len(picks))
			for i, p := range picks {
				batch[i] = texts[p]
			}
			got, err := f.Encode(context.Background(), batch)
			if err != nil {
				rt.Fatal(err)
			}
			for i, row := range bits(got) {
				if !slices.Equal(row, want[picks[i]]) {
					rt.Fatalf("text %d differs from the same text alone", picks[i])
				}
			}
		})
	}
}

func TestFolderServesSeveralGoroutines(t *testing.T) {
	texts := tinyTexts(t)
	f := openTiny(t, "mean", FolderOptions{})
	want, err := f.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := f.Encode(t.Context(), texts)
			if err != nil || !cmp.Equal(bits(got), bits(want)) {
				t.Errorf("another vector beside other goroutines, err %v", err)
			}
		})
	}
	wg.Wait()
}

func TestEncodeStops(t *testing.T) {
	f := openTiny(t, "mean", FolderOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Encode(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: err %v", err)
	}
	if rows, err := f.Encode(t.Context(), nil); err != nil || len(rows) != 0 {
		t.Errorf("no texts: %v, %v", rows, err)
	}
	g, err := OpenFolder(filepath.Join(tinyDir, "mean"), FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Close(), g.Close()); err != nil {
		t.Error(err)
	}
	if _, err := g.Encode(t.Context(), []string{"a"}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: err %v", err)
	}
}

func TestEncodeNamesTheTextWithAnIDBeyondTheVocabulary(t *testing.T) {
	dir := copyTiny(t, "mean")
	edit(t, dir, "tokenizer.json", func(v map[string]any) {
		v["added_tokens"] = append(v["added_tokens"].([]any), map[string]any{"content": "<beyond>"})
	})
	f, err := OpenFolder(dir, FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Encode(t.Context(), []string{"fine", "not <beyond> fine"})
	if want := "text 1: the tokenizer gives token id 410, but config.json's vocab_size is 410"; err == nil || err.Error() != want {
		t.Errorf("err %v, want %s", err, want)
	}
}

func TestTransformerInAFolderOfItsOwn(t *testing.T) {
	dir := copyTiny(t, "mean")
	sub := filepath.Join(dir, "0_Transformer")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json", "sentence_bert_config.json"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(sub, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "modules.json"), []any{
		map[string]any{"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
		map[string]any{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
	})
	f, err := OpenFolder(dir, FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Encode(t.Context(), tinyTexts(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff, _ := distance(got, readVectors(t, filepath.Join(tinyDir, "mean", "golden.npy"), f.Dim())); diff > 1e-6 {
		t.Errorf("vectors differ by up to %g", diff)
	}
}

func TestDamagedWeightsAreFound(t *testing.T) {
	dir := copyTiny(t, "mean")
	path := filepath.Join(dir, "model.safetensors")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(b) - 400; i < len(b); i++ {
		b[i] = 0xff // NaN
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFolder(dir, FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Encode(t.Context(), []string{"a"}); err == nil || !strings.Contains(err.Error(), "text 0: its vector is not finite") {
		t.Errorf("err %v", err)
	}
	if err := os.WriteFile(path, b[:len(b)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if g, err := OpenFolder(dir, FolderOptions{}); err == nil {
		g.Close()
		t.Error("half a file opens")
	}
}

// copyTiny copies a tiny folder, so that a test can damage it.
func copyTiny(t testing.TB, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(tinyDir, name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit changes a JSON object of a folder, which it makes if it is not there.
func edit(t testing.TB, dir, name string, change func(v map[string]any)) {
	t.Helper()
	path := filepath.Join(dir, name)
	v := map[string]any{}
	if _, err := os.Stat(path); err == nil {
		readTestJSON(t, path, &v)
	}
	change(v)
	write(t, path, v)
}

// write writes a JSON file.
func write(t testing.TB, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// object returns an object inside of an object.
func object(v map[string]any, key string) map[string]any { return v[key].(map[string]any) }

func TestOpenFolderRefusesByName(t *testing.T) {
	set := func(file, field string, value any) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			edit(t, dir, file, func(v map[string]any) { v[field] = value })
		}
	}
	inside := func(file, outer, field string, value any) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			edit(t, dir, file, func(v map[string]any) { object(v, outer)[field] = value })
		}
	}
	remove := func(file string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	modules := func(list ...[2]string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			var v []any
			for _, m := range list {
				v = append(v, map[string]any{"path": m[0], "type": m[1]})
			}
			write(t, filepath.Join(dir, "modules.json"), v)
		}
	}
	const st = "sentence_transformers.models."
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"no config":          {remove("config.json"), "config.json is missing"},
		"other model":        {set("config.json", "model_type", "roberta"), `config.json: model_type is "roberta": only bert is supported`},
		"relative positions": {set("config.json", "position_embedding_type", "relative_key"), `position_embedding_type is "relative_key"`},
		"decoder":            {set("config.json", "is_decoder", true), "is_decoder"},
		"activation":         {set("config.json", "hidden_act", "swish"), `hidden_act is "swish": gelu, gelu_new, gelu_python, gelu_pytorch_tanh, relu are supported`},
		"no heads":           {set("config.json", "num_attention_heads", 0), "num_attention_heads is 0"},
		"odd heads":          {set("config.json", "num_attention_heads", 5), "hidden_size 32 is not a multiple of num_attention_heads 5"},
		"huge":               {set("config.json", "intermediate_size", 1<<40), "intermediate_size is 1099511627776"},
		"negative":           {set("config.json", "num_hidden_layers", -1), "num_hidden_layers is -1"},
		"epsilon":            {set("config.json", "layer_norm_eps", -1), "layer_norm_eps is -1"},
		"not a number":       {set("config.json", "hidden_size", "x"), "config.json: json: cannot unmarshal"},
		"missing layer":      {set("config.json", "num_hidden_layers", 3), `tensor "encoder.layer.2.attention.self.query.weight" is missing`},
		"wrong shape":        {set("config.json", "vocab_size", 411), `tensor "embeddings.word_embeddings.weight" has shape [410 32], config.json makes it [411 32]`},
		"small vocabulary":   {set("config.json", "vocab_size", 3), "the tokenizer gives token id 3, but config.json's vocab_size is 3"},
		"no weights":         {remove("model.safetensors"), "neither model.safetensors nor pytorch_model.bin is there"},
		"several files": {func(t *testing.T, dir string) {
			remove("model.safetensors")(t, dir)
			set("model.safetensors.index.json", "metadata", 1)(t, dir)
		}, "model.safetensors.index.json: weights in several files are not supported"},
		"adapter":      {set("adapter_config.json", "r", 8), "adapter_config.json: adapters are not supported"},
		"dense":        {modules([2]string{"", st + "Transformer"}, [2]string{"1_Pooling", st + "Pooling"}, [2]string{"2_Dense", st + "Dense"}), `modules.json: module 2 is "sentence_transformers.models.Dense"`},
		"path":         {modules([2]string{"", st + "Transformer"}, [2]string{"../1_Pooling", st + "Pooling"}), `path "../1_Pooling" leads out of the folder`},
		"no pooling":   {modules([2]string{"", st + "Transformer"}), "a Transformer and a Pooling are needed"},
		"two poolings": {set("1_Pooling/config.json", "pooling_mode_cls_token", true), `1_Pooling: config.json: pooling by "pooling_mode_cls_token and pooling_mode_mean_tokens"`},
		"last token": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "1_Pooling/config.json"), map[string]bool{"pooling_mode_mean_tokens": false, "pooling_mode_lasttoken": true})
		}, "pooling_mode_lasttoken"},
		"long window":    {set("sentence_bert_config.json", "max_seq_length", 65), "a window of 65 tokens: it must be between 2"},
		"short window":   {set("sentence_bert_config.json", "max_seq_length", 1), "a window of 1 tokens"},
		"model args":     {set("sentence_bert_config.json", "model_args", map[string]any{"x": 1}), "model_args, tokenizer_args and config_args are not supported"},
		"prompt":         {set("config_sentence_transformers.json", "default_prompt_name", "q"), `prompts lacks the default prompt "q"`},
		"tokenizer":      {remove("tokenizer.json"), "neither tokenizer.json nor vocab.txt is there"},
		"class":          {set("tokenizer_config.json", "tokenizer_class", "BertJapaneseTokenizer"), `tokenizer_class is "BertJapaneseTokenizer"`},
		"left":           {set("tokenizer_config.json", "truncation_side", "left"), `truncation_side is "left"`},
		"bpe":            {inside("tokenizer.json", "model", "type", "BPE"), `tokenizer.json: model.type is "BPE": only WordPiece is supported`},
		"normalizer":     {inside("tokenizer.json", "normalizer", "type", "Sequence"), `normalizer.type is "Sequence"`},
		"pre-tokenizer":  {inside("tokenizer.json", "pre_tokenizer", "type", "Metaspace"), `pre_tokenizer.type is "Metaspace"`},
		"post-processor": {inside("tokenizer.json", "post_processor", "type", "RobertaProcessing"), `post_processor: type is "RobertaProcessing"`},
		"unknown":        {inside("tokenizer.json", "model", "unk_token", "<none>"), `lacks the unknown token "<none>"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyTiny(t, "mean")
			c.change(t, dir)
			f, err := OpenFolder(dir, FolderOptions{})
			if err == nil {
				f.Close()
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "model folder "+dir+": ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("err %q\nwant %q", err, c.want)
			}
		})
	}
}
