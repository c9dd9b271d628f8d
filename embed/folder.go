package embed

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/steersight/steersight/internal/checkpoint"
)

// Texts are tokenized textGroup at a time, and run through the model in batches
// of up to batchTokens tokens, or one text if that alone has more: so an Encode
// of any size needs a bounded amount of memory, and the numbers of a batch are
// still in cache when the next layer wants them.
const (
	textGroup   = 256
	batchTokens = 256
)

// FolderOptions say how a Folder runs. The zero value is a good choice.
type FolderOptions struct {
	// Threads is the most goroutines that one Encode runs on; 0 means
	// GOMAXPROCS. It does not change any result.
	Threads int
}

// A Folder is an Encoder that runs the sentence encoder of a model folder, as
// the hub of Hugging Face holds them and sentence-transformers reads them: a
// BERT model, its tokenizer, and a pooling. Its vectors always have unit
// length, whether the folder lists a Normalize module or not; a text without
// any direction (all zeros) is the one exception.
type Folder struct {
	modules   *modules
	tokenizer *tokenizer
	window    int
	threads   int
	model     *bert
	batches   sync.Pool // of *batch

	mu   sync.RWMutex // held for reading while the weights are in use
	file *checkpoint.File
}

var _ Encoder = (*Folder)(nil)

// OpenFolder opens the model folder at path. The weights are mapped into
// memory, not read, where they are float32. What the folder asks for and we
// cannot do is an error that names the file and the field.
func OpenFolder(path string, opts FolderOptions) (*Folder, error) {
	f, err := openFolder(folderFS(path), opts)
	if err != nil {
		return nil, fmt.Errorf("model folder %s: %w", path, err)
	}
	return f, nil
}

// openFolder opens the folder; its errors do not name it.
func openFolder(dir folderFS, opts FolderOptions) (*Folder, error) {
	m, err := readModules(dir)
	if err != nil {
		return nil, err
	}
	for _, sub := range []folderFS{dir, m.transformer} {
		if adapter := "adapter_config.json"; sub.has(adapter) {
			return nil, fmt.Errorf("%s: adapters are not supported: merge it into the model", adapter)
		}
	}
	config, err := readBertConfig(m.transformer)
	if err != nil {
		return nil, err
	}
	f := &Folder{modules: m, threads: opts.Threads}
	if f.threads < 1 {
		f.threads = runtime.GOMAXPROCS(0)
	}
	if err := f.openTokenizer(config); err != nil {
		return nil, err
	}
	f.file, err = openWeights(m.transformer)
	if err != nil {
		return nil, err
	}
	if f.model, err = newBert(f.file, config); err != nil {
		return nil, errors.Join(err, f.file.Close())
	}
	return f, nil
}

// openTokenizer opens the tokenizer and finds the window.
func (f *Folder) openTokenizer(config *bertConfig) error {
	c, err := readTokenizerConfig(f.modules.transformer, config.TokenizerClass)
	if err != nil {
		return err
	}
	if f.tokenizer, err = openTokenizer(f.modules.transformer, c); err != nil {
		return err
	}
	if f.window = f.modules.window; f.window == 0 {
		f.window = min(config.Positions, c.maxLength())
	}
	around := f.tokenizer.encode("", 0)
	if len(around) == 0 {
		return errors.New("tokenizer.json: post_processor puts no token around a text, and an empty one would have none")
	}
	if f.window < len(around) || f.window > config.Positions {
		return fmt.Errorf("a window of %d tokens: it must be between %d, the tokens around each text, and config.json's max_position_embeddings, %d", f.window, len(around), config.Positions)
	}
	return checkIDs(around, config.Vocab)
}

// checkIDs returns an error if an id has no row in the word embeddings.
func checkIDs(ids []int32, vocab int) error {
	for _, id := range ids {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("the tokenizer gives token id %d, but config.json's vocab_size is %d", id, vocab)
		}
	}
	return nil
}

// Dim is the length of a vector, config.json's hidden_size.
func (f *Folder) Dim() int { return f.model.config.Hidden }

// Window is the number of tokens of a text that count, those put around it
// ([CLS] and [SEP]) included; what comes after is ignored.
func (f *Folder) Window() int { return f.window }

// Threads is the most goroutines that one Encode runs on.
func (f *Folder) Threads() int { return f.threads }

// Tokens returns the ids of a text's tokens, those put around it included,
// without the window's cut.
func (f *Folder) Tokens(text string) []int32 { return f.tokenizer.encode(f.prepare(text), 0) }

// Close unmaps the weights, once no Encode is running.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}

// Encode returns one vector of unit length for each text. A text's vector is
// the same, bit for bit, whatever texts it is encoded with and on however many
// threads. Texts may be empty; bytes that are not UTF-8 count as U+FFFD. The
// rows share one backing array.
func (f *Folder) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.file == nil {
		return nil, ErrClosed
	}
	dim := f.Dim()
	flat, rows := make([]float32, len(texts)*dim), make([][]float32, len(texts))
	for i := range rows {
		rows[i] = flat[i*dim : (i+1)*dim : (i+1)*dim]
	}
	for lo := 0; lo < len(texts); lo += textGroup {
		hi := min(lo+textGroup, len(texts))
		if err := f.encodeGroup(ctx, rows[lo:hi], texts[lo:hi], lo); err != nil {
			return nil, err
		}
	}
	return rows, ctx.Err()
}

// encodeGroup encodes a few texts, of which the first is number from.
func (f *Folder) encodeGroup(ctx context.Context, rows [][]float32, texts []string, from int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ids := make([][]int32, len(texts))
	parallel(f.threads, len(texts), func(i int) {
		ids[i] = f.tokenizer.encode(f.prepare(texts[i]), f.window)
	})
	for i := range ids {
		if err := checkIDs(ids[i], f.model.config.Vocab); err != nil {
			return fmt.Errorf("text %d: %w", from+i, err)
		}
	}
	ends := split(ids, f.threads)
	threads, each := f.threads, 1
	if len(ends) < f.threads { // too few batches: threads share the rows of one
		threads, each = 1, f.threads
	}
	errs := make([]error, len(ends))
	parallel(threads, len(ends), func(i int) {
		lo := 0
		if i > 0 {
			lo = ends[i-1]
		}
		errs[i] = f.encodeBatch(ctx, rows[lo:ends[i]], ids[lo:ends[i]], from+lo, each)
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// split divides texts into batches and returns where each ends. Batches are
// smaller where that keeps all threads at work.
func split(ids [][]int32, threads int) (ends []int) {
	tokens := 0
	for _, text := range ids {
		tokens += len(text)
	}
	most := min(batchTokens, (tokens+threads-1)/threads)
	inBatch := 0
	for i, text := range ids {
		if i > 0 && inBatch+len(text) > most {
			ends, inBatch = append(ends, i), 0
		}
		inBatch += len(text)
	}
	return append(ends, len(ids))
}

// encodeBatch encodes texts together, of which the first is number from.
func (f *Folder) encodeBatch(ctx context.Context, rows [][]float32, ids [][]int32, from, threads int) error {
	b, _ := f.batches.Get().(*batch)
	if b == nil {
		b = &batch{}
	}
	defer f.batches.Put(b)
	b.fill(ids)
	if err := f.model.run(ctx, b, threads); err != nil {
		return err
	}
	if i := f.pool(rows, b); i >= 0 {
		return fmt.Errorf("text %d: its vector is not finite: the weights may be damaged", from+i)
	}
	return nil
}

// fill makes the batch that of the texts.
func (b *batch) fill(ids [][]int32) {
	b.ids, b.starts = b.ids[:0], append(b.starts[:0], 0)
	for _, text := range ids {
		b.ids = append(b.ids, text...)
		b.starts = append(b.starts, len(b.ids))
	}
}

// pool sets the rows to the vectors of the batch's texts. It returns the
// number of a text whose vector is not finite, or -1.
func (f *Folder) pool(rows [][]float32, b *batch) int {
	h := f.Dim()
	for i, row := range rows {
		if !f.modules.pooling.pool(row, b.hidden[b.starts[i]*h:b.starts[i+1]*h]) {
			return i
		}
	}
	return -1
}

// prepare returns the text as sentence-transformers hands it to the tokenizer.
func (f *Folder) prepare(text string) string {
	text = strings.TrimFunc(f.modules.prompt+text, isPythonSpace)
	if f.modules.lowercase {
		text = cases.Lower(language.Und, cases.HandleFinalSigma(true)).String(text)
	}
	return text
}

// isPythonSpace reports whether Python's str.strip strips r.
func isPythonSpace(r rune) bool {
	return 0x1C <= r && r <= 0x1F || unicode.Is(unicode.White_Space, r)
}
