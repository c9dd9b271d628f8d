package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/steersight/steersight/embed"
	"github.com/steersight/steersight/model"
)

// modelFlags name the files of a feature model.
type modelFlags struct {
	sae           string
	internalizers string
	hypotheses    string
	k             pyInt
}

func (f *modelFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.sae, "mechanistic_explainer_checkpoint", "", "`FILE` of the TopK sparse autoencoder, .pt or .safetensors")
	flags.StringVar(&f.internalizers, "reasoning_internalizer_dir", "", "`DIR` with model_qa, model_summary and model_purpose, .pt or .safetensors")
	flags.StringVar(&f.hypotheses, "feature_hypotheses_path", "", "`FILE` of labels: line i, from 0, names feature i")
	flags.Var(&f.k, "k", "features that TopK keeps: `N` where the checkpoint does not say, or to overrule it")
}

// given tells whether any of the model was named.
func (f *modelFlags) given() bool { return f.sae != "" || f.internalizers != "" }

// check finds what is missing.
func (f *modelFlags) check() error {
	switch {
	case f.internalizers == "":
		return errors.New("--reasoning_internalizer_dir is required")
	case f.sae == "":
		return errors.New("--mechanistic_explainer_checkpoint is required")
	}
	return nil
}

// read reads the feature model.
func (f *modelFlags) read() (*model.Model, error) {
	if f.k < 0 {
		return nil, fmt.Errorf("--k %d: must be 1 or more", f.k)
	}
	var m model.Model
	var err error
	if m.SAE, err = model.ReadSAE(f.sae, model.SAEOptions{K: int(f.k)}); err != nil {
		return nil, err
	}
	if m.Internalizers, err = model.ReadInternalizers(f.internalizers); err != nil {
		return nil, err
	}
	if dim := m.Internalizers[0].Dim; dim != m.SAE.Dim {
		return nil, fmt.Errorf("%s is for embeddings of %d numbers, %s for %d: they belong to different models", f.internalizers, dim, f.sae, m.SAE.Dim)
	}
	m.Labels, err = f.labels()
	return &m, err
}

// labels reads the labels; like the reference program it takes "none" and
// "null" for no file.
func (f *modelFlags) labels() (model.Labels, error) {
	switch strings.ToLower(strings.TrimSpace(f.hypotheses)) {
	case "", "none", "null":
		return nil, nil
	}
	return model.ReadLabels(f.hypotheses)
}

// encoderFlags name an encoder.
type encoderFlags struct {
	encoder          string
	server, protocol string
}

func (f *encoderFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.encoder, "embedding_model_name", "", "encoder `NAME`: a model folder, a name in the local Hugging Face cache, or what the server calls it")
	flags.StringVar(&f.server, "embedding_server", "", "`URL` of an embedding server to use as the encoder")
	flags.StringVar(&f.protocol, "embedding_protocol", string(embed.TEI), "`NAME` of what the server speaks: tei, ollama or openai")
}

// given tells whether an encoder was named.
func (f *encoderFlags) given() bool { return f.encoder != "" || f.server != "" }

// name is what an index remembers of the encoder: the model's own name, not
// where it lies.
func (f *encoderFlags) name() string {
	if f.encoder == "" {
		return f.server
	}
	return filepath.Base(filepath.Clean(f.encoder))
}

// open opens the encoder, whose vectors are to have dim numbers.
func (f *encoderFlags) open(dim, threads int, logger *slog.Logger) (embed.Encoder, error) {
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
	return embed.OpenFolder(folder, embed.FolderOptions{Threads: threads})
}

// computeFlags say how to compute.
type computeFlags struct {
	device  string
	batch   pyInt
	threads pyInt
}

// add adds the flags; what names the things that a batch holds.
func (f *computeFlags) add(flags *pflag.FlagSet, what string) {
	flags.StringVar(&f.device, "device", "auto", "`NAME`: auto, cpu, cuda or cuda:N")
	flags.Var(&f.batch, "batch_size", "`N` "+what+" computed together; changes no result")
	flags.Var(&f.threads, "threads", "`N` CPU threads (default all)")
}

func (f *computeFlags) check() error {
	if f.device == "" {
		return errors.New("--device is empty; use auto, cpu, cuda or cuda:N")
	}
	if f.batch < 1 {
		return fmt.Errorf("--batch_size %d: must be 1 or more", f.batch)
	}
	if f.threads < 0 {
		return fmt.Errorf("--threads %d: must be 1 or more, or 0 for all", f.threads)
	}
	return nil
}
