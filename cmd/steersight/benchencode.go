package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/bench"
	"github.com/steersight/steersight/embed"
)

// printReport prints a report, or as one JSON object.
func printReport(c *cobra.Command, asJSON bool, report interface{ Print(io.Writer) error }) error {
	if !asJSON {
		return report.Print(c.OutOrStdout())
	}
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// positive refuses numbers below 1.
func positive(c *cobra.Command, names ...string) error {
	for _, name := range names {
		if n, err := c.Flags().GetInt(name); err != nil || n < 1 {
			return &usageError{c.CommandPath(), fmt.Errorf("--%s %d: must be 1 or more", name, n)}
		}
	}
	return nil
}

const benchEncodeLong = `Measure what follows the encoder, for a batch of pairs of a query and a document:
three views of each document, codes of its query, of itself and of its views,
and the features they share. Vectors are random, and so are the weights unless a
model is named, which then says what the sizes are. A few codes are compared with
brute force in float64. Figures are to be compared with others of the same run
only.`

func newBenchEncode() *cobra.Command {
	s := bench.EncodeSettings{Dim: 384, Features: 4096, K: 64, Hidden: 128, Batch: 256, Rounds: 10, Threads: runtime.GOMAXPROCS(0), Device: "auto", Seed: 1}
	var sae, internalizers string
	var asJSON bool
	c := &cobra.Command{
		Use:   "encode",
		Short: "measure internalizers and the sparse autoencoder",
		Long:  benchEncodeLong,
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := positive(c, "dim", "features", "k", "hidden", "batch", "rounds", "threads"); err != nil {
				return err
			}
			if (sae == "") != (internalizers == "") {
				return &usageError{c.CommandPath(), errors.New("--mechanistic_explainer_checkpoint and --reasoning_internalizer_dir go together")}
			}
			if sae != "" {
				m := modelFlags{sae: sae, internalizers: internalizers}
				if c.Flags().Changed("k") {
					m.k = pyInt(s.K)
				}
				read, err := m.read()
				if err != nil {
					return err
				}
				s.SAE, s.Internalizers = read.SAE, read.Internalizers[:]
			}
			s.Logger = newLogger(c.ErrOrStderr())
			report, err := bench.Encode(c.Context(), s)
			if err != nil {
				return err
			}
			return printReport(c, asJSON, report)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.IntVar(&s.Dim, "dim", s.Dim, "`N` numbers of an embedding")
	flags.IntVar(&s.Features, "features", s.Features, "`N` features")
	flags.IntVar(&s.K, "k", s.K, "`N` features that TopK keeps")
	flags.IntVar(&s.Hidden, "hidden", s.Hidden, "`N` numbers of the internalizers' hidden layer")
	flags.Uint64Var(&s.Seed, "seed", s.Seed, "`N` that weights and vectors are drawn with")
	flags.StringVar(&sae, "mechanistic_explainer_checkpoint", "", "`FILE` of an autoencoder, instead of random weights")
	flags.StringVar(&internalizers, "reasoning_internalizer_dir", "", "`DIR` of its internalizers")
	flags.IntVar(&s.Batch, "batch", s.Batch, "`N` pairs computed together")
	flags.StringVar(&s.Device, "device", s.Device, "`NAME`: auto, cpu, cuda or cuda:N")
	flags.IntVar(&s.Threads, "threads", s.Threads, "`N` CPU threads")
	flags.IntVar(&s.Rounds, "rounds", s.Rounds, "`N` rounds, of which the fastest counts")
	flags.BoolVar(&asJSON, "json", false, "as one JSON object")
	return c
}

func newBenchEmbed() *cobra.Command {
	s := bench.EmbedSettings{Texts: 16, Rounds: 3, Threads: runtime.GOMAXPROCS(0), Tokens: []int{32, 128, 512}}
	var asJSON bool
	c := &cobra.Command{
		Use:   "embed --embedding_model_name DIR",
		Short: "measure an encoder",
		Long: `Measure how many texts and tokens a second an encoder takes, for texts of 32, 128
and 512 tokens, or as many as its window has. The encoder is a model folder of
the BERT family, or a name in the local Hugging Face cache.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if s.Model == "" {
				return &usageError{c.CommandPath(), errors.New("--embedding_model_name is required")}
			}
			if err := positive(c, "texts", "rounds", "threads"); err != nil {
				return err
			}
			var err error
			if s.Model, err = embed.ResolveFolder(s.Model); err != nil {
				return err
			}
			report, err := bench.Embed(c.Context(), s)
			if err != nil {
				return err
			}
			return printReport(c, asJSON, report)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&s.Model, "embedding_model_name", "", "encoder `NAME`: a model folder, or a name in the local Hugging Face cache")
	flags.IntVar(&s.Texts, "texts", s.Texts, "`N` texts of a round")
	flags.IntVar(&s.Threads, "threads", s.Threads, "`N` CPU threads")
	flags.IntVar(&s.Rounds, "rounds", s.Rounds, "`N` rounds, of which the fastest counts")
	flags.BoolVar(&asJSON, "json", false, "as one JSON object")
	return c
}
