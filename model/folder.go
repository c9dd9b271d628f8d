package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/steersight/steersight/internal/atomicfile"
)

// A Model is a whole feature model: the internalizers that make views, the SAE
// that makes codes, and the names of its features, if any.
type Model struct {
	Internalizers Internalizers
	SAE           *SAE
	Labels        Labels
}

// Fingerprint identifies what the model computes. Labels do not count: they
// may be edited at any time.
func (m *Model) Fingerprint() string { return Fingerprint(m.Internalizers, m.SAE) }

// The files of a model's folder, beside the internalizers'.
const (
	saeFile    = "sae.safetensors"
	labelsFile = "labels.txt"
)

// ReadModel reads a folder as Write leaves it: model_qa, model_summary and
// model_purpose, the SAE in sae.safetensors, and, where there are labels,
// labels.txt.
func ReadModel(dir string) (*Model, error) {
	var m Model
	var err error
	if m.Internalizers, err = ReadInternalizers(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, saeFile)
	if m.SAE, err = ReadSAE(path, SAEOptions{}); err != nil {
		return nil, err
	}
	if err := sameDim(path, m.SAE.Dim, dir, m.Internalizers[0].Dim); err != nil {
		return nil, err
	}
	m.Labels, err = ReadLabels(filepath.Join(dir, labelsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return &m, nil
}

// Write writes the model to a folder, which is made if it is not there, for
// ReadModel to read.
func (m *Model) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i, view := range InternalizerViews() {
		if err := WriteInternalizer(filepath.Join(dir, "model_"+string(view)+".safetensors"), m.Internalizers[i]); err != nil {
			return err
		}
	}
	if m.Labels != nil {
		if err := writeLabels(filepath.Join(dir, labelsFile), m.Labels); err != nil {
			return err
		}
	}
	return WriteSAE(filepath.Join(dir, saeFile), m.SAE)
}

// WriteLabels gives the model in a folder other labels.
func WriteLabels(dir string, labels Labels) error {
	return writeLabels(filepath.Join(dir, labelsFile), labels)
}

// writeLabels writes a label a line.
func writeLabels(path string, labels Labels) error {
	file, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for j, label := range labels {
		if strings.ContainsAny(label, "\r\n") {
			return fmt.Errorf("label %d has a line break in it: %q", j, label)
		}
	}
	text := strings.Join(labels, "\n")
	if len(labels) > 0 {
		text += "\n"
	}
	if _, err := file.Write([]byte(text)); err != nil {
		return err
	}
	return file.Commit()
}
