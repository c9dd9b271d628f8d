package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/study"
)

const trainInternalizerLong = `Train a reasoning internalizer: the network that makes of a document's embedding
that of a text written about it, as questions with answers, a summary or its purpose.

Row i of --target is the embedding of the text about the document whose embedding is
row i of --input, by the same encoder; or an encoder makes both from --pairs. Training
stops when the loss on pairs held out has not become lower for --patience epochs, and
keeps the weights of the best epoch. The three internalizers of a model are model_qa,
model_summary and model_purpose in one folder.`

// internalizerFlags are the settings of train internalizer.
type internalizerFlags struct {
	trainFlags
	encoderFlags
	input, target    string
	pairs, prefix    string
	hidden, patience pyInt
}

func newTrainInternalizer() *cobra.Command {
	d := study.DefaultInternalizerRecipe()
	f := internalizerFlags{
		trainFlags: trainFlags{batch: pyInt(d.Batch), rate: pyFloat(d.Rate), heldOut: pyFloat(d.HeldOut), seed: pyInt(d.Seed), epochs: pyInt(d.Epochs)},
		hidden:     pyInt(d.Hidden), patience: pyInt(d.Patience),
	}
	c := &cobra.Command{
		Use:   "internalizer --input FILE --target FILE --output FILE",
		Short: "train a reasoning internalizer on pairs of embeddings",
		Long:  trainInternalizerLong,
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.input, "input", "", "embeddings of documents: a .npy `FILE`")
	flags.StringVar(&f.target, "target", "", "embeddings of what was written about them: a .npy `FILE`")
	flags.StringVar(&f.pairs, "pairs", "", "instead of both, texts: a `FILE` of JSON lines with \"text\" and \"target\", or - for standard input")
	f.encoderFlags.add(flags)
	flags.StringVar(&f.prefix, "doc_prefix", explain.E5DocumentPrefix, "`TEXT` put before each text and target")
	flags.StringVar(&f.output, "output", "", "`FILE` of the internalizer, .safetensors")
	flags.Var(&f.hidden, "hidden", "width `N` of the hidden layer")
	flags.Var(&f.patience, "patience", "`N` epochs without a lower loss after which it stops")
	f.trainFlags.add(flags, "pairs")
	return c
}

// check finds what is wrong with the command line itself.
func (f *internalizerFlags) check() error {
	switch {
	case f.pairs != "" && (f.input != "" || f.target != ""):
		return errors.New("give embeddings (--input and --target) or texts (--pairs), not both")
	case f.pairs != "" && !f.encoderFlags.given():
		return errors.New("texts need an encoder (--embedding_model_name)")
	case f.pairs == "" && f.encoderFlags.given():
		return errors.New("an encoder needs texts (--pairs)")
	case f.pairs == "" && f.input == "":
		return errors.New("--input is required, or --pairs")
	case f.pairs == "" && f.target == "":
		return errors.New("--target is required")
	case f.hidden < 1:
		return fmt.Errorf("--hidden %d: must be 1 or more", f.hidden)
	case f.patience < 1:
		return fmt.Errorf("--patience %d: must be 1 or more", f.patience)
	}
	return f.trainFlags.check()
}

func (f *internalizerFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	if err := f.prepare(); err != nil {
		return err
	}
	if f.pairs != "" {
		return f.runPairs(c)
	}
	z, closeZ, err := openVectors([]string{f.input})
	defer closeZ()
	if err != nil {
		return err
	}
	targets, closeTargets, err := openVectors([]string{f.target})
	defer closeTargets()
	if err != nil {
		return err
	}
	switch {
	case targets.Rows() != z.Rows():
		return fmt.Errorf("%s: %d rows, but %s has %d: one row for each is needed", f.target, targets.Rows(), f.input, z.Rows())
	case targets.Cols() != z.Cols():
		return fmt.Errorf("%s: rows of %d numbers, but those of %s have %d: they are of different encoders", f.target, targets.Cols(), f.input, z.Cols())
	}
	return f.train(c, z, targets)
}

// runPairs trains on pairs of texts.
func (f *internalizerFlags) runPairs(c *cobra.Command) error {
	encoder, err := f.encoderFlags.open(0, int(f.threads), newLogger(c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer encoder.Close()
	z, targets, err := embedPairs(c, f.pairs, f.prefix, encoder)
	if err != nil {
		return err
	}
	return f.train(c, z, targets)
}

func (f *internalizerFlags) train(c *cobra.Command, z, targets study.Vectors) error {
	epochs := int64(0)
	bar := newProgress(c.ErrOrStderr(), "training", "epochs", func() (int64, int64) { return epochs, int64(f.epochs) })
	recipe := study.InternalizerRecipe{Hidden: int(f.hidden), Epochs: int(f.epochs), Batch: int(f.batch), Rate: float64(f.rate),
		HeldOut: float64(f.heldOut), Patience: int(f.patience), Seed: uint64(f.seed), Threads: f.workers()}
	r, report, err := study.TrainInternalizer(c.Context(), z, targets, recipe, func(epoch int, loss float64) {
		epochs = int64(epoch)
		bar.describe(fmt.Sprintf("training, held-out loss %.3g", loss))
		bar.at(epoch)
	})
	bar.finish()
	var zero *study.ZeroTargetError
	if errors.As(err, &zero) {
		return fmt.Errorf("%s: %w", f.target, err)
	}
	if err != nil {
		return err
	}
	if err := model.WriteInternalizer(f.output, r); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(c.OutOrStdout(), report)
	}
	return report.Print(c.OutOrStdout())
}
