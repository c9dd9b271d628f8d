package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/gpu"
)

// explainFlags are the settings of the explain command.
type explainFlags struct {
	modelFlags
	encoderFlags
	computeFlags
	input, output                  string
	threshold                      pyFloat
	format                         string
	queryPrefix, docPrefix         string
	queryEmbeddings, docEmbeddings string
}

const explainLong = `Explain why queries and documents match: read pairs from JSON lines, write
the features that each query shares with its document, per view of the document.

The embeddings come from an encoder (a Hugging Face folder of the BERT family,
or a server) or from two .npy files with one row for each pair. Flags of the
Xetrieval release mean what they mean there, and may be abbreviated.`

const explainExample = `  steersight explain --input_jsonl pairs.jsonl --output_jsonl out.jsonl \
      --embedding_model_name ./e5-small-v2 \
      --reasoning_internalizer_dir ./internalizers \
      --mechanistic_explainer_checkpoint ./sae.pt`

func newExplain() *cobra.Command {
	f := explainFlags{computeFlags: computeFlags{batch: 64}}
	c := &cobra.Command{
		Use:     "explain",
		Short:   "explain query-document pairs by the features they share",
		Long:    explainLong,
		Example: explainExample,
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.input, "input_jsonl", "", "pairs to explain: a `FILE` of JSON lines with \"query\" and \"doc\"; - is standard input")
	flags.StringVar(&f.output, "output_jsonl", "", "the explanations: a `FILE` of JSON lines; - is standard output")
	f.modelFlags.add(flags)
	f.encoderFlags.add(flags)
	flags.StringVar(&f.queryEmbeddings, "query_embeddings", "", "the queries' embeddings instead of an encoder: a .npy `FILE` with a row for each pair")
	flags.StringVar(&f.docEmbeddings, "doc_embeddings", "", "the documents' embeddings: a .npy `FILE` with a row for each pair")
	flags.StringVar(&f.queryPrefix, "query_prefix", explain.E5QueryPrefix, "`TEXT` put before each query")
	flags.StringVar(&f.docPrefix, "doc_prefix", explain.E5DocumentPrefix, "`TEXT` put before each document")
	flags.Var(&f.threshold, "activation_threshold", "`TAU`: features with a greater activation count")
	flags.StringVar(&f.format, "format", string(explain.Reference), "`NAME` of the form: reference (shared features), full (every contribution to the score) or text (for people)")
	f.computeFlags.add(flags, "pairs")
	markReference(flags, "input_jsonl", "output_jsonl", "embedding_model_name", "reasoning_internalizer_dir",
		"mechanistic_explainer_checkpoint", "feature_hypotheses_path", "device", "batch_size", "activation_threshold", "help")
	return c
}

func (f *explainFlags) run(c *cobra.Command) error {
	if err := f.check(c.Flags()); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	if err := f.computeFlags.check(); err != nil {
		return err
	}
	if !(f.threshold >= 0) {
		return fmt.Errorf("--activation_threshold %v: must be 0 or more, since activations are positive", f.threshold)
	}
	logger := newLogger(c.ErrOrStderr())
	explainer, dim, err := f.open(logger)
	if err != nil {
		return err
	}
	source, closeSource, err := f.source(dim, logger)
	if err != nil {
		return err
	}
	defer closeSource()
	return f.explain(c, explainer, source)
}

// check finds what is wrong with the command line itself. A flag that is given
// but empty is not missing: what it names will not be found.
func (f *explainFlags) check(flags *pflag.FlagSet) error {
	for _, required := range []string{"input_jsonl", "output_jsonl", "reasoning_internalizer_dir", "mechanistic_explainer_checkpoint"} {
		if !flags.Changed(required) {
			return fmt.Errorf("--%s is required", required)
		}
	}
	if !slices.Contains(explain.Formats, explain.Format(f.format)) {
		return fmt.Errorf("--format %q is not known; use reference, full or text", f.format)
	}
	encoder := f.encoderFlags.given() || flags.Changed("embedding_model_name")
	stored := f.queryEmbeddings != "" || f.docEmbeddings != ""
	switch {
	case stored && (f.queryEmbeddings == "" || f.docEmbeddings == ""):
		return errors.New("--query_embeddings and --doc_embeddings go together")
	case stored && encoder:
		return errors.New("give an encoder or stored embeddings, not both")
	case !stored && !encoder:
		return errors.New("give an encoder (--embedding_model_name) or stored embeddings (--query_embeddings and --doc_embeddings)")
	}
	return nil
}

// open makes an explainer of the feature model.
func (f *explainFlags) open(logger *slog.Logger) (*explain.Explainer, int, error) {
	m, err := f.modelFlags.read()
	if err != nil {
		return nil, 0, err
	}
	engine, err := gpu.Open(m.SAE, m.Internalizers[:], gpu.Options{Device: f.device, Threads: int(f.threads), Logger: logger})
	if err != nil {
		return nil, 0, err
	}
	options := explain.Options{Threshold: float32(f.threshold), Labels: m.Labels}
	if f.format == string(explain.Full) {
		options.Fingerprint = m.Fingerprint()
	}
	explainer, err := explain.New(engine, options)
	return explainer, m.SAE.Dim, err
}

// source opens where the embeddings come from.
func (f *explainFlags) source(dim int, logger *slog.Logger) (explain.Source, func() error, error) {
	if f.queryEmbeddings != "" {
		stored, err := explain.OpenStored(f.queryEmbeddings, f.docEmbeddings, dim)
		if err != nil {
			return nil, nil, err
		}
		return stored, stored.Close, nil
	}
	encoder, err := f.encoderFlags.open(dim, int(f.threads), logger)
	if err != nil {
		return nil, nil, err
	}
	texts := &explain.Texts{Encoder: encoder, QueryPrefix: f.queryPrefix, DocumentPrefix: f.docPrefix, Dim: dim}
	return texts, encoder.Close, nil
}

// explain streams the pairs through the explainer into the output.
func (f *explainFlags) explain(c *cobra.Command, explainer *explain.Explainer, source explain.Source) error {
	pairs, err := openInput(f.input, c.InOrStdin())
	if err != nil {
		return err
	}
	defer pairs.close()
	output, err := createOutput(f.output, c.OutOrStdout())
	if err != nil {
		return err
	}
	defer output.Close()
	bar := newProgress(c.ErrOrStderr(), "explaining", "pairs", pairs.progress)
	n, err := explainer.Run(c.Context(), explain.NewPairReader(pairs, pairs.name), source, int(f.batch), explain.Format(f.format), output, bar.at)
	bar.finish()
	if err != nil {
		return err
	}
	if err := output.Commit(); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: explained %d pairs\n", n)
	return nil
}
