package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/internal/npy"
)

// indexFlags are the settings of the index command.
type indexFlags struct {
	modelFlags
	encoderFlags
	computeFlags
	path, input            string
	embeddings             string
	queryPrefix, docPrefix string
	half, restart          bool
	keepName               string // of the encoder whose embeddings are kept
}

const indexLong = `Index documents: make the views and sparse codes of each and keep them, beside its
words, in a Bleve index.

Documents are JSON lines with "_id", "text" and perhaps "title"; other fields are
kept for filters and facets. They come from a file (.gz too), a BEIR folder, or
standard input. Their embeddings come from an encoder, or from a .npy file with a
row for each document. A run that was interrupted goes on where it stopped.`

func newIndex() *cobra.Command {
	f := indexFlags{computeFlags: computeFlags{batch: 256}}
	c := &cobra.Command{
		Use:   "index",
		Short: "index documents with their features",
		Long:  indexLong,
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.path, "index", "", "`DIR` of the index; made if it is not there")
	flags.StringVar(&f.input, "input", "", "documents: a `FILE` of JSON lines, a BEIR folder, or - for standard input")
	f.encoderFlags.add(flags)
	flags.StringVar(&f.embeddings, "embeddings", "", "the documents' embeddings instead of an encoder: a .npy `FILE` with a row for each document")
	f.modelFlags.add(flags)
	flags.StringVar(&f.queryPrefix, "query_prefix", explain.E5QueryPrefix, "`TEXT` put before each query; the index remembers it")
	flags.StringVar(&f.docPrefix, "doc_prefix", explain.E5DocumentPrefix, "`TEXT` put before each document; the index remembers it")
	flags.BoolVar(&f.half, "half", false, "keep activations as float16: a smaller index, and scores of codes rounded")
	flags.BoolVar(&f.restart, "restart", false, "index the input from its beginning, though it was indexed before")
	f.computeFlags.add(flags, "documents")
	return c
}

func (f *indexFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	if err := f.computeFlags.check(); err != nil {
		return err
	}
	ix, err := f.open(newLogger(c.ErrOrStderr()))
	if err != nil {
		return err
	}
	return errors.Join(f.fill(c, ix), ix.Close())
}

// check finds what is wrong with the command line itself.
func (f *indexFlags) check() error {
	switch {
	case f.path == "":
		return errors.New("--index is required")
	case f.input == "":
		return errors.New("--input is required")
	case f.embeddings != "" && f.encoderFlags.given():
		return errors.New("give an encoder or stored embeddings, not both")
	case f.embeddings == "" && !f.encoderFlags.given():
		return errors.New("give an encoder (--embedding_model_name) or stored embeddings (--embeddings)")
	}
	if f.modelFlags.given() {
		return f.modelFlags.check()
	}
	return nil
}

// open opens the index, or makes it.
func (f *indexFlags) open(logger *slog.Logger) (*index.Index, error) {
	o := index.Options{QueryPrefix: f.queryPrefix, DocumentPrefix: f.docPrefix, Half: f.half, EncoderName: f.keepName,
		Device: f.device, Threads: int(f.threads), Logger: logger}
	var err error
	if f.modelFlags.given() {
		if o.Model, err = f.modelFlags.read(); err != nil {
			return nil, err
		}
	}
	if f.encoderFlags.given() {
		o.EncoderName = f.encoderFlags.name()
		if o.Encoder, err = f.encoderFlags.open(0, int(f.threads), logger); err != nil {
			return nil, err
		}
	}
	if ix, err := index.Open(f.path, o); !errors.Is(err, index.ErrNoIndex) {
		return ix, err
	}
	if o.Model == nil {
		return nil, errors.New("a new index needs a feature model: --reasoning_internalizer_dir and --mechanistic_explainer_checkpoint")
	}
	return index.Create(f.path, o)
}

// fill puts the documents into the index.
func (f *indexFlags) fill(c *cobra.Command, ix *index.Index) error {
	documents, err := corpus.Open(f.input, c.InOrStdin())
	if err != nil {
		return err
	}
	defer documents.Close()
	next, closeRows, err := f.reader(documents)
	if err != nil {
		return err
	}
	defer closeRows()
	bar := newProgress(c.ErrOrStderr(), "indexing", "documents", documents.Progress)
	o := index.Import{Batch: int(f.batch), Progress: bar.at}
	if f.input != "-" {
		_, size := documents.Progress()
		if o.Source, err = filepath.Abs(f.input); err != nil {
			return err
		}
		o.State = fmt.Sprintf("%d bytes", size)
	}
	if f.restart && o.Source != "" {
		if err := ix.Forget(o.Source); err != nil {
			return err
		}
	}
	n, err := ix.Import(c.Context(), next, o)
	bar.finish()
	switch {
	case errors.Is(err, index.ErrSourceChanged):
		return fmt.Errorf("%w; --restart indexes it from its beginning", err)
	case err != nil:
		return fmt.Errorf("%w (%d documents are in the index; run again to go on)", err, n)
	case n == 0:
		return fmt.Errorf("%s: no documents in it", f.input)
	}
	total, err := ix.Count()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: indexed %d documents from %s; %d in %s\n", n, f.input, total, f.path)
	return nil
}

// reader returns what reads the documents, with their embeddings if those are
// stored.
func (f *indexFlags) reader(documents *corpus.Reader) (func() (index.Document, error), func() error, error) {
	read := func() (index.Document, error) {
		d, err := documents.Next()
		return index.Document{ID: d.ID, Title: d.Title, Text: d.Text, Fields: d.Fields}, err
	}
	if f.embeddings == "" {
		return read, func() error { return nil }, nil
	}
	rows, err := npy.Open(f.embeddings)
	if err != nil {
		return nil, nil, err
	}
	row := 0
	next := func() (index.Document, error) {
		d, err := read()
		if errors.Is(err, io.EOF) && row != rows.Rows() {
			return d, fmt.Errorf("%s: %d rows, but the input has %d documents: one row for each is needed", f.embeddings, rows.Rows(), row)
		}
		if err != nil {
			return d, err
		}
		if row == rows.Rows() {
			return d, fmt.Errorf("%s: %d rows, but the input has more documents: one row for each is needed", f.embeddings, row)
		}
		d.Embedding = make([]float32, rows.Cols())
		err = rows.Row(row, d.Embedding)
		row++
		return d, err
	}
	return next, rows.Close, nil
}

// openFlags name an index that is there, and an encoder for queries.
type openFlags struct {
	encoderFlags
	path    string
	device  string
	threads pyInt
}

// openIndex opens it. The encoder that the index was made with is looked up by
// its name where none is given.
func (f *openFlags) openIndex(c *cobra.Command, needsEncoder bool) (*index.Index, error) {
	o := readOnly
	if f.encoderFlags.given() && needsEncoder && f.path != "" {
		encoder, err := f.encoderFlags.open(0, int(f.threads), newLogger(c.ErrOrStderr()))
		if err != nil {
			return nil, err
		}
		o.Encoder, o.EncoderName = encoder, f.encoderFlags.name()
	}
	return f.openWith(c, o)
}

// openWith opens it with more options.
func (f *openFlags) openWith(c *cobra.Command, o index.Options) (*index.Index, error) {
	if f.path == "" {
		return nil, &usageError{c.CommandPath(), errors.New("--index is required")}
	}
	o.Device, o.Threads, o.Logger = f.device, int(f.threads), newLogger(c.ErrOrStderr())
	return index.Open(f.path, o)
}

// parseFeatures reads a list of features such as "5,9=0.5".
func parseFeatures(list string, action index.Action) (toggles []index.Toggle, err error) {
	for item := range strings.SplitSeq(list, ",") {
		name, alpha, hasAlpha := strings.Cut(strings.TrimSpace(item), "=")
		toggle := index.Toggle{Action: action}
		if _, err := fmt.Sscanf(name, "%d", &toggle.Feature); err != nil || fmt.Sprint(toggle.Feature) != name {
			return nil, fmt.Errorf("%q is not a feature", name)
		}
		if hasAlpha {
			var factor pyFloat
			if err := factor.Set(alpha); err != nil {
				return nil, fmt.Errorf("feature %s: %q: %w", name, alpha, err)
			}
			value := float64(factor)
			toggle.Alpha = &value
		}
		toggles = append(toggles, toggle)
	}
	return toggles, nil
}
