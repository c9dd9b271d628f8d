package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/study"
)

const trainSAELong = `Train a TopK sparse autoencoder on embeddings, documents' and views' together.

The figures at the end are of rows held out: how much of their variance the
reconstructions explain, and how many features are active; and the share of the
features that are in no code of any row. With --checkpoint, a run that was stopped
goes on where it was, and ends with the same file as one that was not.`

// saeFlags are the settings of train sae.
type saeFlags struct {
	trainFlags
	inputs      []string
	features, k pyInt
	steps       pyInt
	auxK, dead  pyInt
	warmUp      pyFloat
	batchTopK   bool
	checkpoint  string
}

func newTrainSAE() *cobra.Command {
	d := study.DefaultSAERecipe()
	f := saeFlags{
		trainFlags: trainFlags{batch: pyInt(d.Batch), rate: pyFloat(d.Rate), heldOut: pyFloat(d.HeldOut), seed: pyInt(d.Seed), epochs: pyInt(d.Epochs)},
		features:   pyInt(d.Features), k: pyInt(d.K), auxK: pyInt(d.AuxK), dead: pyInt(d.DeadSteps), warmUp: pyFloat(d.WarmUp),
	}
	c := &cobra.Command{
		Use:   "sae --input FILE [--input FILE …] --output FILE",
		Short: "train a TopK sparse autoencoder on embeddings",
		Long:  trainSAELong,
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.inputs, "input", nil, "embeddings: a .npy `FILE` with one in each row; may be given again")
	flags.StringVar(&f.output, "output", "", "`FILE` of the autoencoder, .safetensors")
	flags.Var(&f.features, "features", "`N` features of the dictionary")
	flags.Var(&f.k, "k", "`N` features that a code may have")
	flags.BoolVar(&f.batchTopK, "batch_top_k", false, "k is the mean over the rows of a step, and a threshold is stored (BatchTopK)")
	f.trainFlags.add(flags, "rows")
	flags.Var(&f.steps, "steps", "`N` steps, whatever --epochs says")
	flags.Var(&f.warmUp, "warm_up", "`SHARE` of the steps in which the learning rate rises; in the last fifth it falls")
	flags.Var(&f.auxK, "aux_k", "`N` dead features of each row that learn what the others leave; 0 for none")
	flags.Var(&f.dead, "dead_steps", "`N` steps in no code after which a feature is dead; 0 for those of an epoch")
	flags.StringVar(&f.checkpoint, "checkpoint", "", "`DIR` that keeps the state each minute and at an interrupt; run again to go on")
	return c
}

// check finds what is wrong with the command line itself.
func (f *saeFlags) check() error {
	switch {
	case len(f.inputs) == 0:
		return errors.New("--input is required")
	case f.features < 1:
		return fmt.Errorf("--features %d: must be 1 or more", f.features)
	case f.k < 1 || f.k > f.features:
		return fmt.Errorf("--k %d: must be between 1 and the number of features, %d", f.k, f.features)
	case f.steps < 0:
		return fmt.Errorf("--steps %d: must be 1 or more", f.steps)
	case f.auxK < 0:
		return fmt.Errorf("--aux_k %d: must be 0 or more", f.auxK)
	case f.dead < 0:
		return fmt.Errorf("--dead_steps %d: must be 1 or more, or 0 for those of an epoch", f.dead)
	case !(f.warmUp >= 0 && f.warmUp <= 1):
		return fmt.Errorf("--warm_up %v: must be between 0 and 1", f.warmUp)
	}
	return f.trainFlags.check()
}

func (f *saeFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	if err := f.prepare(); err != nil {
		return err
	}
	rows, closeRows, err := openVectors(f.inputs)
	defer closeRows()
	if err != nil {
		return err
	}
	steps, total := 0, 0
	bar := newProgress(c.ErrOrStderr(), "training", "steps", func() (int64, int64) { return int64(steps), int64(total) })
	o := study.SAEOptions{Every: time.Minute, Progress: func(step, of int, loss float64) {
		steps, total = step, of
		if step%8 == 0 {
			bar.describe(fmt.Sprintf("training, %.4f of the variance left", loss))
		}
		bar.at(step)
	}}
	if f.checkpoint != "" {
		if err := os.MkdirAll(f.checkpoint, 0o777); err != nil {
			return err
		}
		o.Checkpoint = filepath.Join(f.checkpoint, "sae.safetensors")
	}
	recipe := study.SAERecipe{Features: int(f.features), K: int(f.k), BatchTopK: f.batchTopK, Epochs: int(f.epochs), Steps: int(f.steps), Batch: int(f.batch),
		Rate: float64(f.rate), WarmUp: float64(f.warmUp), AuxK: int(f.auxK), DeadSteps: int(f.dead), HeldOut: float64(f.heldOut),
		Seed: uint64(f.seed), Threads: f.workers()}
	sae, report, err := study.TrainSAE(c.Context(), rows, recipe, o)
	bar.finish()
	if c.Context().Err() != nil && f.checkpoint != "" && steps > 0 {
		return &resumableError{fmt.Errorf("interrupted after %d of %d steps; run again to go on", steps, total)}
	}
	if err != nil {
		return err
	}
	if err := model.WriteSAE(f.output, sae); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(c.OutOrStdout(), report)
	}
	return report.Print(c.OutOrStdout())
}
