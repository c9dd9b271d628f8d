package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/study"
)

const viewsLong = `Let a language model write about each document what internalizers are trained on:
questions that it answers (qa), its summary, and what it is good for (purpose).

Documents are taken as index takes them. A line of the output is {"_id", "qa",
"summary", "purpose"}, in the order of the input, or {"_id", "error"} where a document
failed. A run goes on from what the output has: documents with views are kept, those
with an error are asked about again. The exit code is 1 if any failed.`

// viewsFlags are the settings of the views command.
type viewsFlags struct {
	chatFlags
	input, output string
	maxWords      pyInt
}

func newViews() *cobra.Command {
	f := viewsFlags{maxWords: 2000}
	c := &cobra.Command{
		Use:   "views",
		Short: "let a language model write the texts that internalizers are trained on",
		Long:  viewsLong,
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.input, "input", "", "documents: a `FILE` of JSON lines, a BEIR folder, or - for standard input")
	flags.StringVar(&f.output, "output", "", "`FILE` of JSON lines to write, or to go on with")
	flags.Var(&f.maxWords, "max_words", "`N` words of a document that the model is shown")
	f.chatFlags.add(flags, "documents")
	return c
}

// check finds what is wrong with the command line itself.
func (f *viewsFlags) check() error {
	switch {
	case f.input == "":
		return errors.New("--input is required")
	case f.output == "":
		return errors.New("--output is required")
	case f.output == "-":
		return errors.New("--output must be a file, which the next run can go on from")
	case f.maxWords < 1:
		return fmt.Errorf("--max_words %d: must be 1 or more", f.maxWords)
	}
	return f.chatFlags.check()
}

func (f *viewsFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	file, err := study.OpenViews(f.output)
	if err != nil {
		return err
	}
	documents, err := f.documents(c.InOrStdin())
	if err != nil {
		return err
	}
	plan, err := study.PlanViews(documents, file, int(f.maxTokens))
	if err != nil {
		return fmt.Errorf("%s: %w", f.input, err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: %d of %d documents to do\n", plan.Todo(), plan.Documents)
	f.printCost(c.ErrOrStderr(), plan.Cost)
	if f.dryRun {
		return nil
	}
	return f.write(c, plan)
}

// documents reads the documents, as much of each as is shown.
func (f *viewsFlags) documents(stdin io.Reader) (all []study.Passage, err error) {
	reader, err := corpus.Open(f.input, stdin)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		d, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		all = append(all, study.NewPassage(d.ID, d.Title, d.Text, int(f.maxWords)))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no documents in it", f.input)
	}
	return all, nil
}

// write asks for the views and writes them.
func (f *viewsFlags) write(c *cobra.Command, plan *study.ViewsPlan) error {
	stderr := c.ErrOrStderr()
	chat, err := f.open(newLogger(stderr))
	if err != nil {
		return err
	}
	defer chat.Close()
	done := 0
	bar := newProgress(stderr, "writing views", "documents", func() (int64, int64) { return int64(done), int64(plan.Todo()) })
	result, err := plan.Write(c.Context(), chat, int(f.concurrency), func(n int) {
		done = n
		bar.at(n)
	})
	bar.finish()
	f.printSpent(stderr, chat)
	left := plan.Todo() - result.Answered
	switch {
	case errors.Is(err, context.Canceled):
		return &resumableError{fmt.Errorf("interrupted; %s has the views of %d documents, run again for the other %d", f.output, plan.Documents-left, left)}
	case err != nil:
		return fmt.Errorf("%w (%s has the views of %d documents; run again for the other %d)", err, f.output, plan.Documents-left, left)
	case result.Failed > 0:
		return fmt.Errorf("%d of %d documents failed, the last %s; run again to ask about them once more", result.Failed, plan.Documents, result.Reason)
	}
	fmt.Fprintf(stderr, "steersight: %s has the views of %d documents\n", f.output, plan.Documents)
	return nil
}
