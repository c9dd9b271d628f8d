package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/steersight/steersight/bench"
)

func newBench() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "measure searches, codes and encoders, and prove their answers",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBenchSparse(), newBenchDense(), newBenchSteer(), newBenchEncode(), newBenchEmbed())
	return c
}

// benchFlags are the flags that all benchmarks have.
type benchFlags struct {
	bench.Settings
	asJSON bool
}

// add adds the flags; the settings are their defaults.
func (f *benchFlags) add(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.IntVar(&f.Queries, "queries", f.Queries, "`N` queries, at most")
	flags.IntVar(&f.K, "k", f.K, "`N` hits of each query")
	flags.IntVar(&f.Threads, "threads", f.Threads, "`N` threads of one query")
	flags.IntVar(&f.Rounds, "rounds", f.Rounds, "`N` rounds, of which each query's fastest counts")
	flags.IntVar(&f.Batch, "batch", f.Batch, "`N` documents in a batch")
	flags.StringVar(&f.Dir, "temp", "", "`DIR` in which the index lies while it is needed (default the system's)")
	flags.BoolVar(&f.asJSON, "json", false, "as one JSON object")
}

// check finds numbers that make no sense, in these flags too.
func (f *benchFlags) check(c *cobra.Command, more ...string) error {
	return positive(c, append(more, "queries", "k", "threads", "rounds", "batch")...)
}

// talk lets the benchmark say on standard error what it is doing.
func (f *benchFlags) talk(c *cobra.Command) {
	f.Say = func(format string, args ...any) {
		fmt.Fprintf(c.ErrOrStderr(), "steersight: "+format+"\n", args...)
	}
}

// print prints a report.
func (f *benchFlags) print(c *cobra.Command, report interface{ Print(io.Writer) error }) error {
	return printReport(c, f.asJSON, report)
}

// openCodes opens a code set.
func openCodes(c *cobra.Command, dir string) (*bench.Codes, error) {
	if dir == "" {
		return nil, &usageError{c.CommandPath(), errors.New("--codes is required")}
	}
	return bench.OpenCodes(dir)
}

const benchSparseLong = `Build an index of a set of sparse codes on disk, merge it into one segment, and
measure exact weighted dot products and overlap counts through Bleve's search.
The answers are compared with brute force in float64. Figures are to be compared
with others of the same run only.

A code set is a folder: indptr.npy (int64), feats.npy (int32), acts.npy (float32)
for the documents, and q_indptr.npy, q_feats.npy, q_acts.npy for the queries.`

func newBenchSparse() *cobra.Command {
	f := benchFlags{Settings: bench.Settings{Queries: 200, K: 10, Threads: 1, Rounds: 5, Batch: 5000}}
	var dir string
	var half, stock bool
	var stockQueries int
	c := &cobra.Command{
		Use:   "sparse --codes DIR",
		Short: "measure dot products and overlap counts over a set of codes",
		Long:  benchSparseLong,
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := f.check(c, "stock_queries"); err != nil {
				return err
			}
			codes, err := openCodes(c, dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, codes.Close()) }()
			f.talk(c)
			settings := bench.SparseSettings{Settings: f.Settings, Half: half}
			if stock {
				settings.Stock = stockQueries
			}
			report, err := bench.Sparse(c.Context(), codes, settings)
			if err != nil {
				return err
			}
			return f.print(c, report)
		},
	}
	c.Flags().StringVar(&dir, "codes", "", "`DIR` of the code set")
	f.add(c.Flags())
	c.Flags().BoolVar(&half, "half", false, "activations as float16: a smaller index, exact for the rounded ones")
	c.Flags().BoolVar(&stock, "stock", false, "also stock Bleve, over an index of its own that takes long to build")
	c.Flags().IntVar(&stockQueries, "stock_queries", 20, "`N` queries for stock Bleve, at most")
	return c
}

func newBenchDense() *cobra.Command {
	f := benchFlags{Settings: bench.Settings{Queries: 50, K: 10, Threads: 1, Rounds: 5, Batch: 5000}}
	settings := bench.DenseSettings{Documents: 100_000, Dim: 384, Seed: 1}
	c := &cobra.Command{
		Use:   "dense",
		Short: "measure inner products with random embeddings",
		Long: `Build an index of random unit vectors around a few hundred centers, and measure
the exact best inner products through Bleve's search. The answers are compared
with brute force in float64.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(c, "documents", "dim"); err != nil {
				return err
			}
			f.talk(c)
			settings.Settings = f.Settings
			report, err := bench.Dense(c.Context(), settings)
			if err != nil {
				return err
			}
			return f.print(c, report)
		},
	}
	c.Flags().IntVar(&settings.Documents, "documents", settings.Documents, "`N` documents")
	c.Flags().IntVar(&settings.Dim, "dim", settings.Dim, "`N` components of a vector")
	c.Flags().Uint64Var(&settings.Seed, "seed", settings.Seed, "`N` that the vectors are drawn with")
	f.add(c.Flags())
	return c
}

func newBenchSteer() *cobra.Command {
	f := benchFlags{Settings: bench.Settings{Queries: 200, K: 10, Threads: 1, Rounds: 5, Batch: 5000}}
	var dir string
	settings := bench.SteerSettings{Toggles: 20}
	c := &cobra.Command{
		Use:   "steer --codes DIR",
		Short: "measure what toggles add to a search over a set of codes",
		Long: `Build an index of a set of sparse codes, as bench sparse does, and measure how
much longer a weighted dot product takes when features are turned down, up or
off, and others are excluded or asked for. With --dim, the documents also have
random embeddings, and searches by these are steered too. The answers are
compared with brute force in float64.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := f.check(c, "toggles"); err != nil {
				return err
			}
			if settings.Dim < 0 {
				return &usageError{c.CommandPath(), fmt.Errorf("--dim %d: must be 0 or more", settings.Dim)}
			}
			codes, err := openCodes(c, dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, codes.Close()) }()
			f.talk(c)
			settings.Settings = f.Settings
			report, err := bench.Steer(c.Context(), codes, settings)
			if err != nil {
				return err
			}
			return f.print(c, report)
		},
	}
	c.Flags().StringVar(&dir, "codes", "", "`DIR` of the code set")
	c.Flags().IntVar(&settings.Dim, "dim", 0, "`N` components of embeddings to search by too")
	c.Flags().IntVar(&settings.Toggles, "toggles", settings.Toggles, "`N` toggles of each query")
	f.add(c.Flags())
	return c
}
