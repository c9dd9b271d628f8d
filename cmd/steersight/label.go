package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/study"
)

const labelLong = `Name the features of an index by the words that tell the documents with a feature
from those without, half of which have features that point nearly the same way. The
detection score of a label says how well it tells them apart, judged by the index's
encoder on documents that it was not made from: 0.5 is chance, 1 always.

Good labels go into the index, and all to --output as JSON lines that people can edit:
{"feature": 431, "label": "…", "author": "…", "score": 0.87}. --input takes such a
file into the index instead; of several labels of a feature the one without a score
counts, or that with the highest.`

// labelFlags are the settings of the label command.
type labelFlags struct {
	openFlags
	study.LabelSettings
	input, output string
	minScore      float64
	asJSON        bool
}

func newLabel() *cobra.Command {
	f := labelFlags{LabelSettings: study.LabelSettings{MinDocuments: 20, MaxDocuments: 20_000, Seed: 1}}
	c := &cobra.Command{
		Use:   "label",
		Short: "name the features of an index by its documents",
		Long:  labelLong,
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.path, "index", "", "`DIR` of the index")
	f.encoderFlags.add(flags)
	flags.StringVar(&f.output, "output", "", "write the labels to a `FILE` of JSON lines too")
	flags.StringVar(&f.input, "input", "", "take the labels from a `FILE` instead of making them")
	flags.Float64Var(&f.minScore, "min_score", .6, "`SCORE` below which a label stays out of the index, though not out of --output")
	flags.IntVar(&f.MinDocuments, "min_documents", f.MinDocuments, "`N` documents that a feature must have to be labelled")
	flags.IntVar(&f.MaxDocuments, "max_documents", f.MaxDocuments, "`N` documents of the index that are read, at most")
	flags.Uint64Var(&f.Seed, "seed", f.Seed, "`N` that documents are drawn with")
	flags.BoolVar(&f.asJSON, "json", false, "print the figures as one JSON object")
	flags.StringVar(&f.device, "device", "auto", "`NAME`: auto, cpu, cuda or cuda:N")
	return c
}

func (f *labelFlags) run(c *cobra.Command) (err error) {
	switch {
	case f.path == "":
		return &usageError{c.CommandPath(), errors.New("--index is required")}
	case f.input != "" && f.output != "":
		return &usageError{c.CommandPath(), errors.New("give --input or --output, not both")}
	case f.input == "" && !f.encoderFlags.given():
		return &usageError{c.CommandPath(), errors.New("give the index's encoder (--embedding_model_name), which judges the labels")}
	}
	var o index.Options
	if f.input == "" {
		if o.Encoder, err = f.encoderFlags.open(0, int(f.threads), newLogger(c.ErrOrStderr())); err != nil {
			return err
		}
		o.EncoderName = f.encoderFlags.name()
	}
	ix, err := f.openWith(c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	if f.input != "" {
		return f.take(c, ix)
	}
	return f.make(c, ix)
}

// take takes labels from a file into the index.
func (f *labelFlags) take(c *cobra.Command, ix *index.Index) error {
	labels, err := model.ReadLabels(f.input)
	if err != nil {
		return err
	}
	if err := ix.SetLabels(labels); err != nil {
		return fmt.Errorf("%s: %w", f.input, err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: %s has the labels of %s\n", f.path, f.input)
	return nil
}

// make makes labels.
func (f *labelFlags) make(c *cobra.Command, ix *index.Index) error {
	bar := newProgress(c.ErrOrStderr(), "labelling", "features", func() (int64, int64) { return 0, 0 })
	all, report, err := study.Label(c.Context(), ix, f.LabelSettings, bar.at)
	bar.finish()
	if err != nil {
		return err
	}
	good := slices.DeleteFunc(slices.Clone(all), func(l model.Label) bool { return *l.Score < f.minScore })
	best, err := model.BestLabels(good, report.Features)
	if err != nil {
		return err
	}
	if f.output != "" {
		if err := model.WriteLabelFile(f.output, all); err != nil {
			return err
		}
	}
	if err := ix.SetLabels(best); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: %s has %d labels with a score of at least %g\n", f.path, len(good), f.minScore)
	if f.asJSON {
		return printJSON(c.OutOrStdout(), report)
	}
	return report.Print(c.OutOrStdout())
}
