package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"math"

	"github.com/steersight/steersight/internal/checkpoint"
)

// Fingerprints are SHA-256 sums, in hexadecimal, of a canonical form: a few
// lines of text that begin with kind and version, then the weights as
// little-endian float32 in row-major order. docs/checkpoints.md defines it. Two
// models with one fingerprint compute the same, however their files differ; a
// change of the form takes a new version.

// Fingerprint identifies what the SAE computes.
func (s *SAE) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "steersight sae v1\nactivation relu topk\ndim %d\nfeatures %d\nk %d\nthreshold %08x\n",
		s.Dim, s.Features, s.K, math.Float32bits(s.Threshold))
	return sum(h, s.EncoderWeight, s.EncoderBias, s.Decoder, s.DecoderBias)
}

// Fingerprint identifies what the internalizer computes.
func (r *Internalizer) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "steersight internalizer v1\nactivation tanh\nnorm l2 1e-12\ndim %d\nhidden %d\n", r.Dim, r.Hidden)
	return sum(h, r.W1, r.B1, r.W2, r.B2)
}

// sum adds the weights to the text and ends the sum.
func sum(h hash.Hash, weights ...[]float32) string {
	for _, a := range weights {
		checkpoint.WriteFloat32(h, a) // a hash returns no error
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Fingerprint identifies what internalizers and SAE compute together.
func Fingerprint(in Internalizers, s *SAE) string {
	h := sha256.New()
	fmt.Fprint(h, "steersight model v1\n")
	for i, view := range InternalizerViews() {
		fmt.Fprintf(h, "%s %s\n", view, in[i].Fingerprint())
	}
	fmt.Fprintf(h, "sae %s\n", s.Fingerprint())
	return sum(h)
}
