package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/index"
)

// readOnly are the options of commands that change nothing.
var readOnly = index.Options{ReadOnly: true}

// onIndex makes a command that does something with an index.
func onIndex(use, short string, o index.Options, do func(c *cobra.Command, path string, ix *index.Index) error) *cobra.Command {
	var f openFlags
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			ix, err := f.openWith(c, o)
			if err != nil {
				return err
			}
			return errors.Join(do(c, f.path, ix), ix.Close())
		},
	}
	c.Flags().StringVar(&f.path, "index", "", "`DIR` of the index")
	return c
}

func newCheck() *cobra.Command {
	return onIndex("check", "read every byte of an index and say what is damaged", readOnly, func(c *cobra.Command, path string, ix *index.Index) error {
		damage, err := ix.Check(c.Context())
		if err != nil {
			return err
		}
		for _, d := range damage {
			fmt.Fprintln(c.OutOrStdout(), d)
		}
		if len(damage) > 0 {
			return fmt.Errorf("%s: %d parts are damaged; index the documents again", path, len(damage))
		}
		n, err := ix.Count()
		fmt.Fprintf(c.ErrOrStderr(), "steersight: %s is whole: %d documents\n", path, n)
		return err
	})
}

func newStats() *cobra.Command {
	return onIndex("stats", "print the sizes of an index and what it was made with, as JSON", readOnly, func(c *cobra.Command, _ string, ix *index.Index) error {
		stats, err := ix.Stats(c.Context())
		if err != nil {
			return err
		}
		return printJSON(c.OutOrStdout(), stats)
	})
}

func newCompact() *cobra.Command {
	c := onIndex("compact", "merge the segments of an index into one", index.Options{}, func(c *cobra.Command, path string, ix *index.Index) error {
		before, err := ix.Stats(c.Context())
		if err != nil {
			return err
		}
		if err := ix.Compact(c.Context()); err != nil {
			return err
		}
		fmt.Fprintf(c.ErrOrStderr(), "steersight: %s is one segment; it had %d\n", path, before.Segments)
		return nil
	})
	c.Long = `Merge the segments of an index into one, which makes searches fastest and gives
back the space of deleted documents. Worth its time for an index that is complete;
Bleve merges segments of about the same size as documents come in anyhow. While it
runs, it needs as much disk again as the index takes.`
	return c
}

func newDump() *cobra.Command {
	return onIndex("dump", "print the documents of an index as JSON lines, by id", readOnly, func(c *cobra.Command, _ string, ix *index.Index) error {
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetEscapeHTML(false)
		return ix.Documents(c.Context(), "", func(d index.Document) error {
			line := maps.Clone(d.Fields)
			if line == nil {
				line = map[string]any{}
			}
			line["_id"], line["text"] = d.ID, d.Text
			if d.Title != "" {
				line["title"] = d.Title
			}
			return encoder.Encode(line)
		})
	})
}

// newReindex makes a new index of an old one's documents.
func newReindex() *cobra.Command {
	f := indexFlags{computeFlags: computeFlags{batch: 256}}
	var from openFlags
	c := &cobra.Command{
		Use:   "reindex",
		Short: "index the documents of an index again, with another model",
		Long: `Make a new index of the documents of an old one with another feature model. The
embeddings are kept where the encoder stays the same, and made anew with another
one. A run that was interrupted goes on where it stopped.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.reindex(c, &from) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&from.path, "from", "", "`DIR` of the old index, which stays as it is")
	flags.StringVar(&f.path, "index", "", "`DIR` of the new index")
	f.modelFlags.add(flags)
	f.encoderFlags.add(flags)
	flags.StringVar(&f.queryPrefix, "query_prefix", explain.E5QueryPrefix, "`TEXT` put before each query; the index remembers it")
	flags.StringVar(&f.docPrefix, "doc_prefix", explain.E5DocumentPrefix, "`TEXT` put before each document; the index remembers it")
	flags.BoolVar(&f.half, "half", false, "keep activations as float16")
	f.computeFlags.add(flags, "documents")
	return c
}

func (f *indexFlags) reindex(c *cobra.Command, from *openFlags) error {
	if from.path == "" || f.path == "" {
		return &usageError{c.CommandPath(), errors.New("--from and --index are required")}
	}
	if f.modelFlags.given() {
		if err := f.modelFlags.check(); err != nil {
			return &usageError{c.CommandPath(), err}
		}
	}
	if err := f.computeFlags.check(); err != nil {
		return err
	}
	old, err := from.openIndex(c, false)
	if err != nil {
		return err
	}
	defer old.Close()
	if !f.encoderFlags.given() {
		f.keepName = old.Manifest().Encoder
	}
	ix, err := f.open(newLogger(c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer ix.Close()
	bar := newProgress(c.ErrOrStderr(), "indexing", "documents", nil)
	n, err := ix.Reindex(c.Context(), old, bar.at)
	bar.finish()
	if err != nil {
		return fmt.Errorf("%w (%d documents are in the new index; run again to go on)", err, n)
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: indexed %d documents of %s in %s\n", n, from.path, f.path)
	return nil
}
