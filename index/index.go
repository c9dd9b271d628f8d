package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/registry"
	bleveindex "github.com/blevesearch/bleve_index_api"
	bolt "go.etcd.io/bbolt/errors"

	"github.com/steersight/steersight/embed"
	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/plugin"
)

// Options say what an index is made of and how it computes.
type Options struct {
	// Model is the feature model. Create keeps a copy with the index; Open
	// uses that where Model is nil, and refuses another one.
	Model *model.Model

	// Encoder makes the embeddings of documents and queries that come without;
	// nil where all are given. The caller closes it.
	Encoder embed.Encoder
	// EncoderName names it; an index opens with no encoder of another name.
	EncoderName string
	// QueryPrefix and DocumentPrefix are put before each text. Create keeps
	// them; Open ignores them.
	QueryPrefix, DocumentPrefix string

	// Half keeps activations as float16. Scores of codes, overlap and steering
	// are then those of the rounded activations.
	Half bool

	// ReadOnly opens an index that other programs may read at the same time,
	// and refuses to change it. Otherwise an index has one program at a time.
	ReadOnly bool

	Device  string       // see gpu.Options
	Threads int          // of computing, also within a query; 0 means all
	Logger  *slog.Logger // nil is silent
}

// An Index may be used by several goroutines at once.
type Index struct {
	bleve    bleve.Index
	model    *model.Model
	manifest Manifest
	features *featureindex.Options
	engine   *gpu.Engine
	encoder  embed.Encoder
	threads  int
	readOnly bool

	mu     sync.RWMutex // held for reading by all that use bleve, for writing by Close
	closed bool
}

var (
	// ErrClosed is returned by an index that was closed.
	ErrClosed = errors.New("the index is closed")
	// ErrNoIndex is returned by Open for a folder without an index.
	ErrNoIndex = errors.New("no index in this folder; make one with steersight index")
	// ErrInUse is returned by Open for an index that another program changes,
	// or, without ReadOnly, reads.
	ErrInUse = errors.New("another program is using the index; try again when it has ended")
	// ErrReadOnly is returned by what changes an index that was opened with
	// ReadOnly.
	ErrReadOnly = errors.New("the index was opened for reading only")
)

// lockTimeout is how long Open waits for another program to end.
const lockTimeout = "1s"

// use holds the index open until the function that it returns is called.
func (ix *Index) use() (done func(), err error) {
	ix.mu.RLock()
	if ix.closed {
		ix.mu.RUnlock()
		return nil, ErrClosed
	}
	return ix.mu.RUnlock, nil
}

// change is use for what changes the index.
func (ix *Index) change() (done func(), err error) {
	if ix.readOnly {
		return nil, ErrReadOnly
	}
	return ix.use()
}

// The parts of an index's folder.
const (
	bleveFolder = "bleve"
	modelFolder = "model"
)

// Create makes an index in a folder that is not there or empty, or in memory
// where path is empty.
func Create(path string, o Options) (*Index, error) {
	if o.Model == nil {
		return nil, errors.New("an index needs a feature model")
	}
	manifest := newManifest(o.Model, &o)
	text, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	folder := ""
	if path != "" {
		if err := makeFolder(path); err != nil {
			return nil, err
		}
		if err := o.Model.Write(filepath.Join(path, modelFolder)); err != nil {
			return nil, err
		}
		folder = filepath.Join(path, bleveFolder)
	}
	m, err := newMapping()
	if err != nil {
		return nil, err
	}
	b, err := plugin.Create(folder, m, featureOptions(o.Model, manifest), nil)
	if err != nil {
		return nil, err
	}
	if err := b.SetInternal(manifestKey, text); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return newIndex(b, o.Model, manifest, o)
}

// makeFolder makes a folder, or takes an empty one. One in which the making of
// an index got no further than the model counts as empty.
func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != modelFolder {
			return fmt.Errorf("%s: the folder is not empty; open the index in it, or give another folder", path)
		}
	}
	return nil
}

// Open opens the index in a folder.
func Open(path string, o Options) (*Index, error) {
	if _, err := os.Stat(filepath.Join(path, bleveFolder)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrNoIndex)
	}
	m := o.Model
	if m == nil {
		var err error
		if m, err = model.ReadModel(filepath.Join(path, modelFolder)); err != nil {
			return nil, err
		}
	}
	config := map[string]any{"bolt_timeout": lockTimeout, "read_only": o.ReadOnly}
	b, err := bleve.OpenUsing(filepath.Join(path, bleveFolder), config)
	if errors.Is(err, bolt.ErrTimeout) {
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	ix, err := openManifest(b, m, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), b.Close())
	}
	return ix, nil
}

func openManifest(b bleve.Index, m *model.Model, o Options) (*Index, error) {
	text, err := b.GetInternal(manifestKey)
	if err != nil {
		return nil, err
	}
	manifest, err := parseManifest(text)
	if err != nil {
		return nil, err
	}
	if err := manifest.check(m); err != nil {
		return nil, err
	}
	if err := manifest.checkEncoder(o.EncoderName); err != nil {
		return nil, err
	}
	return newIndex(b, m, manifest, o)
}

func newIndex(b bleve.Index, m *model.Model, manifest Manifest, o Options) (*Index, error) {
	engine, err := gpu.Open(m.SAE, m.Internalizers[:], gpu.Options{Device: o.Device, Threads: o.Threads, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	features := featureOptions(m, manifest)
	return &Index{bleve: b, model: m, manifest: manifest, features: &features,
		engine: engine, encoder: o.Encoder, readOnly: o.ReadOnly, threads: cmp.Or(o.Threads, runtime.GOMAXPROCS(0))}, nil
}

// featureOptions are those of the index's feature sections.
func featureOptions(m *model.Model, manifest Manifest) featureindex.Options {
	o := featureindex.Options{Fingerprint: manifest.Model, Features: m.SAE.Features, Dim: m.SAE.Dim, Half: manifest.Half}
	for _, view := range model.Views() {
		o.Views = append(o.Views, string(view))
	}
	return o
}

// The fields of a document that the index gives a meaning.
const (
	titleField = "title"
	textField  = "text"
)

// noDates is a parser of dates that takes nothing for a date, so that a
// metadata string stays the string that it is.
const noDates = "steersight_no_dates"

func init() {
	err := registry.RegisterDateTimeParser(noDates, func(map[string]any, *registry.Cache) (analysis.DateTimeParser, error) {
		return neverADate{}, nil
	})
	if err != nil {
		panic(err) // another package took our name
	}
}

type neverADate struct{}

func (neverADate) ParseDateTime(string) (time.Time, string, error) {
	return time.Time{}, "", analysis.ErrInvalidDateTime
}

// newMapping maps title and text to English words, ranked by BM25, and the
// strings of all other fields to themselves, for filters and facets.
func newMapping() (mapping.IndexMapping, error) {
	words := bleve.NewTextFieldMapping()
	words.Analyzer = en.AnalyzerName
	m := bleve.NewIndexMapping()
	m.DefaultAnalyzer = keyword.Name
	m.DefaultDateTimeParser = noDates
	m.DefaultField = textField
	m.ScoringModel = bleveindex.BM25Scoring
	m.DefaultMapping.AddFieldMappingsAt(titleField, words)
	m.DefaultMapping.AddFieldMappingsAt(textField, words)
	m.DefaultMapping.AddSubDocumentMapping("_all", bleve.NewDocumentDisabledMapping())
	return m, m.Validate()
}

// Manifest says what the index was made with.
func (ix *Index) Manifest() Manifest { return ix.manifest }

// Model is the feature model.
func (ix *Index) Model() *model.Model { return ix.model }

// Bleve is the Bleve index underneath, for what this package does not offer.
func (ix *Index) Bleve() bleve.Index { return ix.bleve }

// Count returns the number of documents.
func (ix *Index) Count() (uint64, error) {
	done, err := ix.use()
	if err != nil {
		return 0, err
	}
	defer done()
	return ix.bleve.DocCount()
}

// Close closes the index when searches and writes under way have ended. It may
// be called more than once.
func (ix *Index) Close() error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.closed {
		return nil
	}
	ix.closed = true
	return ix.bleve.Close()
}

// EmbedQueries returns the embeddings of queries, as Search makes them of their
// texts.
func (ix *Index) EmbedQueries(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	return ix.embed(ctx, ix.manifest.QueryPrefix, texts)
}

// embed returns the embeddings of texts.
func (ix *Index) embed(ctx context.Context, prefix string, texts []string) ([][]float32, error) {
	if ix.encoder == nil {
		return nil, errors.New("the index has no encoder: give one, or embeddings")
	}
	prefixed := make([]string, len(texts))
	for i, text := range texts {
		prefixed[i] = prefix + text
	}
	rows, err := ix.encoder.Encode(ctx, prefixed)
	if err != nil {
		return nil, err
	}
	if got, want := len(rows[0]), ix.engine.Dim(); got != want {
		return nil, fmt.Errorf("the encoder's vectors have %d numbers, the feature model takes %d: they belong to different encoders", got, want)
	}
	return rows, nil
}
