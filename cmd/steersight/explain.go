package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/embed"
	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
)

// explainFlags are the settings of the explain command.
type explainFlags struct {
	input, output string
	internalizers string
	sae           string
	hypotheses    string
	device        string
	batch         pyInt
	threshold     pyFloat
	k             pyInt
	threads       pyInt
	format        string

	encoder                        string
	server, protocol               string
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
	f := explainFlags{batch: 64}
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
	flags.StringVar(&f.sae, "mechanistic_explainer_checkpoint", "", "`FILE` of the TopK sparse autoencoder, .pt or .safetensors")
	flags.StringVar(&f.internalizers, "reasoning_internalizer_dir", "", "`DIR` with model_qa, model_summary and model_purpose, .pt or .safetensors")
	flags.StringVar(&f.encoder, "embedding_model_name", "", "encoder `NAME`: a model folder, a name in the local Hugging Face cache, or what the server calls it")
	flags.StringVar(&f.server, "embedding_server", "", "`URL` of an embedding server to use as the encoder")
	flags.StringVar(&f.protocol, "embedding_protocol", string(embed.TEI), "`NAME` of what the server speaks: tei, ollama or openai")
	flags.StringVar(&f.queryEmbeddings, "query_embeddings", "", "the queries' embeddings instead of an encoder: a .npy `FILE` with a row for each pair")
	flags.StringVar(&f.docEmbeddings, "doc_embeddings", "", "the documents' embeddings: a .npy `FILE` with a row for each pair")
	flags.StringVar(&f.queryPrefix, "query_prefix", explain.E5QueryPrefix, "`TEXT` put before each query")
	flags.StringVar(&f.docPrefix, "doc_prefix", explain.E5DocumentPrefix, "`TEXT` put before each document")
	flags.StringVar(&f.hypotheses, "feature_hypotheses_path", "", "`FILE` of labels: line i, from 0, names feature i")
	flags.Var(&f.threshold, "activation_threshold", "`TAU`: features with a greater activation count")
	flags.StringVar(&f.format, "format", string(explain.Reference), "`NAME` of the form: reference (shared features), full (every contribution to the score) or text (for people)")
	flags.Var(&f.k, "k", "features that TopK keeps: `N` where the checkpoint does not say, or to overrule it")
	flags.StringVar(&f.device, "device", "auto", "`NAME`: auto, cpu, cuda or cuda:N")
	flags.Var(&f.batch, "batch_size", "`N` pairs computed together; changes no result")
	flags.Var(&f.threads, "threads", "`N` CPU threads (default all)")
	markReference(flags, "input_jsonl", "output_jsonl", "embedding_model_name", "reasoning_internalizer_dir",
		"mechanistic_explainer_checkpoint", "feature_hypotheses_path", "device", "batch_size", "activation_threshold", "help")
	return c
}

func (f *explainFlags) run(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	if f.batch < 1 {
		return fmt.Errorf("--batch_size %d: must be 1 or more", f.batch)
	}
	if !(f.threshold >= 0) {
		return fmt.Errorf("--activation_threshold %v: must be 0 or more, since activations are positive", f.threshold)
	}
	if f.k < 0 || f.threads < 0 {
		return errors.New("--k and --threads must be positive")
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

// check finds what is wrong with the command line itself.
func (f *explainFlags) check() error {
	for _, required := range []struct{ name, value string }{
		{"input_jsonl", f.input}, {"output_jsonl", f.output},
		{"reasoning_internalizer_dir", f.internalizers}, {"mechanistic_explainer_checkpoint", f.sae},
	} {
		if required.value == "" {
			return fmt.Errorf("--%s is required", required.name)
		}
	}
	if !slices.Contains(explain.Formats, explain.Format(f.format)) {
		return fmt.Errorf("--format %q is not known; use reference, full or text", f.format)
	}
	stored := f.queryEmbeddings != "" || f.docEmbeddings != ""
	switch {
	case stored && (f.queryEmbeddings == "" || f.docEmbeddings == ""):
		return errors.New("--query_embeddings and --doc_embeddings go together")
	case stored && (f.encoder != "" || f.server != ""):
		return errors.New("give an encoder or stored embeddings, not both")
	case !stored && f.encoder == "" && f.server == "":
		return errors.New("give an encoder (--embedding_model_name) or stored embeddings (--query_embeddings and --doc_embeddings)")
	}
	return nil
}

// open reads the feature model.
func (f *explainFlags) open(logger *slog.Logger) (*explain.Explainer, int, error) {
	sae, err := model.ReadSAE(f.sae, model.SAEOptions{K: int(f.k)})
	if err != nil {
		return nil, 0, err
	}
	internalizers, err := model.ReadInternalizers(f.internalizers)
	if err != nil {
		return nil, 0, err
	}
	if dim := internalizers[0].Dim; dim != sae.Dim {
		return nil, 0, fmt.Errorf("%s is for embeddings of %d numbers, %s for %d: they belong to different models", f.internalizers, dim, f.sae, sae.Dim)
	}
	labels, err := f.labels()
	if err != nil {
		return nil, 0, err
	}
	engine, err := gpu.Open(sae, internalizers[:], gpu.Options{Device: f.device, Threads: int(f.threads), Logger: logger})
	if err != nil {
		return nil, 0, err
	}
	options := explain.Options{Threshold: float32(f.threshold), Labels: labels}
	if f.format == string(explain.Full) {
		options.Fingerprint = model.Fingerprint(internalizers, sae)
	}
	explainer, err := explain.New(engine, options)
	return explainer, sae.Dim, err
}

// labels reads the labels; like the reference program it takes "none" and
// "null" for no file.
func (f *explainFlags) labels() (model.Labels, error) {
	switch strings.ToLower(strings.TrimSpace(f.hypotheses)) {
	case "", "none", "null":
		return nil, nil
	}
	return model.ReadLabels(f.hypotheses)
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
	encoder, err := f.openEncoder(dim, logger)
	if err != nil {
		return nil, nil, err
	}
	texts := &explain.Texts{Encoder: encoder, QueryPrefix: f.queryPrefix, DocumentPrefix: f.docPrefix, Dim: dim}
	return texts, encoder.Close, nil
}

func (f *explainFlags) openEncoder(dim int, logger *slog.Logger) (embed.Encoder, error) {
	if f.server != "" {
		return embed.OpenServer(embed.ServerOptions{
			URL: f.server, Protocol: embed.Protocol(f.protocol), Model: f.encoder, Dim: dim,
			APIKey: os.Getenv("STEERSIGHT_EMBEDDING_API_KEY"), Logger: logger,
		})
	}
	folder, err := embed.ResolveFolder(f.encoder)
	if err != nil {
		return nil, err
	}
	return embed.OpenFolder(folder, embed.FolderOptions{Threads: int(f.threads)})
}

// explain streams the pairs through the explainer into the output.
func (f *explainFlags) explain(c *cobra.Command, explainer *explain.Explainer, source explain.Source) error {
	input, name, err := openInput(f.input, c.InOrStdin())
	if err != nil {
		return err
	}
	defer input.Close()
	output, err := createOutput(f.output, c.OutOrStdout())
	if err != nil {
		return err
	}
	defer output.Close()
	bar := newProgress(c.ErrOrStderr(), "pairs")
	n, err := explainer.Run(c.Context(), explain.NewPairReader(input, name), source, int(f.batch), explain.Format(f.format), output, bar.at)
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
