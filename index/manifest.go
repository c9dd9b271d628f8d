package index

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/steersight/steersight/model"
)

// manifestVersion is the version of the manifest that this package writes and
// reads.
const manifestVersion = 1

// manifestKey is where Bleve keeps the manifest, in the same transactions as
// the documents.
var manifestKey = []byte("steersight")

// A Manifest says what an index was made with.
type Manifest struct {
	Version int `json:"version"`
	// Model, SAE and Internalizers are fingerprints.
	Model         string                     `json:"model"`
	SAE           string                     `json:"sae"`
	Internalizers [model.NumViews - 1]string `json:"internalizers"`
	// Encoder names the encoder; empty where embeddings were given.
	Encoder        string `json:"encoder,omitempty"`
	QueryPrefix    string `json:"query_prefix"`
	DocumentPrefix string `json:"document_prefix"`
	// Half tells that activations are kept as float16.
	Half bool `json:"half,omitempty"`
}

// ErrFingerprint is returned when an index is opened with a model or an
// encoder other than the one that made it. The message says what differs.
var ErrFingerprint = errors.New("the index was made with another model")

func newManifest(m *model.Model, o *Options) Manifest {
	manifest := Manifest{Version: manifestVersion, Model: m.Fingerprint(), SAE: m.SAE.Fingerprint(),
		Encoder: o.EncoderName, QueryPrefix: o.QueryPrefix, DocumentPrefix: o.DocumentPrefix, Half: o.Half}
	for i, r := range m.Internalizers {
		manifest.Internalizers[i] = r.Fingerprint()
	}
	return manifest
}

func parseManifest(text []byte) (Manifest, error) {
	var m Manifest
	if text == nil {
		return m, errors.New("no manifest: not a Steersight index, or one whose making was interrupted; remove it and make it again")
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	if m.Version != manifestVersion {
		return m, fmt.Errorf("manifest of version %d; this program reads version %d", m.Version, manifestVersion)
	}
	return m, nil
}

// check says how the model differs from the one that made the index.
func (m Manifest) check(given *model.Model) error {
	if given.Fingerprint() == m.Model {
		return nil
	}
	if s := given.SAE.Fingerprint(); s != m.SAE {
		return fmt.Errorf("%w: its sae has fingerprint %.12s, the given one %.12s", ErrFingerprint, m.SAE, s)
	}
	for i, view := range model.InternalizerViews() {
		if r := given.Internalizers[i].Fingerprint(); r != m.Internalizers[i] {
			return fmt.Errorf("%w: its %s internalizer has fingerprint %.12s, the given one %.12s", ErrFingerprint, view, m.Internalizers[i], r)
		}
	}
	return fmt.Errorf("%w: fingerprint %.12s, not %.12s", ErrFingerprint, m.Model, given.Fingerprint())
}

// checkEncoder says how the encoder's name differs, if both have one.
func (m Manifest) checkEncoder(name string) error {
	if name != "" && m.Encoder != "" && name != m.Encoder {
		return fmt.Errorf("%w: its encoder is %s, the given one %s", ErrFingerprint, m.Encoder, name)
	}
	return nil
}
