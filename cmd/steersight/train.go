package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/steersight/steersight/internal/atomicfile"
	"github.com/steersight/steersight/internal/npy"
	"github.com/steersight/steersight/study"
)

func newTrain() *cobra.Command {
	c := &cobra.Command{
		Use:   "train",
		Short: "train the parts of a feature model on embeddings",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newTrainInternalizer(), newTrainSAE())
	return c
}

// trainFlags are what every training has.
type trainFlags struct {
	output  string
	batch   pyInt
	rate    pyFloat
	heldOut pyFloat
	seed    pyInt
	threads pyInt
	epochs  pyInt
	asJSON  bool
}

func (f *trainFlags) add(flags *pflag.FlagSet, rows string) {
	flags.Var(&f.epochs, "epochs", "`N` times that all "+rows+" are trained on")
	flags.Var(&f.batch, "batch", "`N` "+rows+" of a step")
	flags.Var(&f.rate, "lr", "learning rate `X` of Adam")
	flags.Var(&f.heldOut, "held_out", "`SHARE` of the "+rows+" that the figures are of, and no step")
	flags.Var(&f.seed, "seed", "`N` that all chance comes from")
	flags.Var(&f.threads, "threads", "`N` CPU threads (default all); changes no result")
	flags.BoolVar(&f.asJSON, "json", false, "the figures as one JSON object")
}

func (f *trainFlags) check() error {
	switch {
	case f.output == "":
		return errors.New("--output is required")
	case f.output == "-":
		return errors.New("--output -: a file is needed, not standard output")
	case f.epochs < 1:
		return fmt.Errorf("--epochs %d: must be 1 or more", f.epochs)
	case f.batch < 1:
		return fmt.Errorf("--batch %d: must be 1 or more", f.batch)
	case !(f.rate > 0 && f.rate <= 1):
		return fmt.Errorf("--lr %v: must be above 0, and at most 1", f.rate)
	case !(f.heldOut > 0 && f.heldOut < 1):
		return fmt.Errorf("--held_out %v: must be between 0 and 1", f.heldOut)
	case f.threads < 0:
		return fmt.Errorf("--threads %d: must be 1 or more, or 0 for all", f.threads)
	}
	return nil
}

// prepare makes the folder of the output and tries whether the file can be
// written: training is too long to learn that at its end.
func (f *trainFlags) prepare() error {
	if err := os.MkdirAll(filepath.Dir(f.output), 0o777); err != nil {
		return err
	}
	file, err := atomicfile.Create(f.output)
	if err != nil {
		return err
	}
	return file.Close()
}

// workers is the number of threads.
func (f *trainFlags) workers() int {
	if f.threads == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return int(f.threads)
}

// openVectors opens .npy files as one run of rows. The caller closes them, after
// an error too.
func openVectors(paths []string) (all study.Vectors, closeAll func(), err error) {
	var files []*npy.File
	closeAll = func() {
		for _, file := range files {
			file.Close()
		}
	}
	var parts []study.Vectors
	for _, path := range paths {
		file, err := npy.Open(path)
		if err != nil {
			return nil, closeAll, err
		}
		files = append(files, file)
		if file.Dims() != 2 || file.Cols() == 0 {
			return nil, closeAll, fmt.Errorf("%s: not a matrix with a vector in each row", path)
		}
		parts = append(parts, file)
	}
	all, err = study.Join(parts, paths)
	return all, closeAll, err
}
