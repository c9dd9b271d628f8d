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
counts, or that with the highest.

With --chat_server a language model names the features too, from some of the same
documents, and says which others its names fit ("chat_score"). Its answers are kept
in --output; a run that was interrupted goes on from there, and the file's labels by
people stay.`

// labelFlags are the settings of the label command.
type labelFlags struct {
	openFlags
	study.LabelSettings
	chat          chatFlags
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
	f.chat.add(flags, "features")
	flags.StringVar(&f.device, "device", "auto", "`NAME`: auto, cpu, cuda or cuda:N")
	return c
}

// check finds what is wrong with the command line itself.
func (f *labelFlags) check() error {
	switch {
	case f.path == "":
		return errors.New("--index is required")
	case f.input != "" && f.output != "":
		return errors.New("give --input or --output, not both")
	case f.input != "" && f.chat.given():
		return errors.New("give --input or --chat_server, not both")
	case f.input == "" && !f.encoderFlags.given():
		return errors.New("give the index's encoder (--embedding_model_name), which judges the labels")
	case !f.chat.given():
		return nil
	case f.output == "" && !f.chat.dryRun:
		return errors.New("--output is required with --chat_server, to keep the answers in")
	}
	return f.chat.check()
}

func (f *labelFlags) run(c *cobra.Command) (err error) {
	if err := f.check(); err != nil {
		return &usageError{c.CommandPath(), err}
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
func (f *labelFlags) make(c *cobra.Command, ix *index.Index) (err error) {
	bar := newProgress(c.ErrOrStderr(), "labelling", "features", nil)
	var n *naming
	var chat *study.LabelChat
	if f.chat.given() {
		if n, err = f.openNaming(c, bar); err != nil {
			return err
		}
		chat = &n.LabelChat
	}
	all, report, err := study.Label(c.Context(), ix, f.LabelSettings, chat, bar.at)
	bar.finish()
	if n != nil {
		all, err = n.end(all, err)
	}
	if errors.Is(err, errDryRun) {
		return nil
	}
	if err != nil {
		return err
	}
	good := slices.DeleteFunc(slices.Clone(all), func(l model.Label) bool { return l.Score != nil && *l.Score < f.minScore })
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
	return f.print(c, report)
}

// print prints the figures.
func (f *labelFlags) print(c *cobra.Command, report *study.LabelReport) error {
	if f.asJSON {
		if err := printJSON(c.OutOrStdout(), report); err != nil {
			return err
		}
	} else if err := report.Print(c.OutOrStdout()); err != nil {
		return err
	}
	if report.Chat != nil && report.Chat.Failed > 0 {
		return fmt.Errorf("%d features failed, the last %s; run again to ask about them once more", report.Chat.Failed, report.Chat.Reason)
	}
	return nil
}
