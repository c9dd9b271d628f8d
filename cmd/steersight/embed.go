package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/embed"
	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/internal/atomicfile"
	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/internal/npy"
)

const embedLong = `Write the embeddings of texts to a .npy file, a row for each line of the input. Other
commands take it as stored embeddings, and training learns from it.

The texts are the documents that index takes: title and text. --field takes another
member of each line, such as the qa, summary or purpose that views writes.`

// embedFlags are the settings of the embed command.
type embedFlags struct {
	encoderFlags
	input, output string
	field, prefix string
	batch         pyInt
	threads       pyInt
}

func newEmbed() *cobra.Command {
	f := embedFlags{batch: 256}
	c := &cobra.Command{
		Use:   "embed",
		Short: "write the embeddings of texts to a file",
		Long:  embedLong,
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.input, "input", "", "texts: a `FILE` of JSON lines, a BEIR folder, or - for standard input")
	flags.StringVar(&f.output, "output", "", "`FILE` to write, a .npy matrix of float32")
	f.encoderFlags.add(flags)
	flags.StringVar(&f.field, "field", "text", "`NAME` of the member of a line that is embedded")
	flags.StringVar(&f.prefix, "prefix", explain.E5DocumentPrefix, "`TEXT` put before each text")
	flags.Var(&f.batch, "batch_size", "`N` texts computed together; changes no result")
	flags.Var(&f.threads, "threads", "`N` CPU threads (default all)")
	return c
}

func (f *embedFlags) run(c *cobra.Command) error {
	switch {
	case f.input == "" || f.output == "":
		return &usageError{c.CommandPath(), errors.New("--input and --output are required")}
	case !f.encoderFlags.given():
		return &usageError{c.CommandPath(), errors.New("give an encoder (--embedding_model_name)")}
	case f.batch < 1:
		return &usageError{c.CommandPath(), fmt.Errorf("--batch_size %d: must be 1 or more", f.batch)}
	case f.threads < 0:
		return &usageError{c.CommandPath(), fmt.Errorf("--threads %d: must be 0 or more", f.threads)}
	}
	texts, err := corpus.OpenTexts(f.input, f.field, c.InOrStdin())
	if err != nil {
		return err
	}
	defer texts.Close()
	encoder, err := f.encoderFlags.open(0, int(f.threads), newLogger(c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer encoder.Close()
	output, err := atomicfile.Create(f.output)
	if err != nil {
		return err
	}
	defer output.Close()
	bar := newProgress(c.ErrOrStderr(), "embedding", "texts", texts.Progress)
	n, err := f.write(c.Context(), texts, encoder, output, bar.at)
	bar.finish()
	if err != nil {
		return err
	}
	if err := output.Commit(); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: embedded %d texts\n", n)
	return nil
}

// write embeds batch by batch, and returns how many texts there were.
func (f *embedFlags) write(ctx context.Context, texts *corpus.TextReader, encoder embed.Encoder, output io.WriteSeeker, progress func(int)) (n int, err error) {
	var rows *npy.Writer
	for {
		batch, err := f.take(texts)
		if err != nil {
			return n, err
		}
		if len(batch) == 0 {
			break
		}
		vectors, err := encoder.Encode(ctx, batch)
		if err != nil {
			return n, err
		}
		if rows == nil {
			if rows, err = npy.NewWriter(output, len(vectors[0])); err != nil {
				return n, err
			}
		}
		for _, v := range vectors {
			if err := rows.WriteRow(v); err != nil {
				return n, err
			}
		}
		n += len(batch)
		progress(n)
	}
	if rows == nil {
		return 0, fmt.Errorf("%s: no texts in it", f.input)
	}
	return n, rows.Close()
}

// take reads a batch of texts, with their prefix; fewer at the end.
func (f *embedFlags) take(texts *corpus.TextReader) (batch []string, err error) {
	for len(batch) < int(f.batch) {
		text, err := texts.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		batch = append(batch, f.prefix+text)
	}
	return batch, nil
}
