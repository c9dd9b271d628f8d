package model

import (
	"math"

	"github.com/steersight/steersight/internal/checkpoint"
)

// SAEOptions are the choices in reading an SAE.
type SAEOptions struct {
	// K, where it is not 0, is used in place of the stored k, which may then be
	// missing; so may the threshold.
	K int
}

var saeNames = []string{"encoder.weight", "encoder.bias", "decoder.weight", "b_dec"}

// ReadSAE reads a TopK sparse autoencoder from a torch or safetensors
// checkpoint with the tensors
//
//	encoder.weight [features, dim]   encoder.bias [features]
//	decoder.weight [dim, features]   b_dec [dim]
//	k, threshold: one element each
//
// of any floating-point type, k of any number type; nothing may be missing or
// added. Weights must be finite.
func ReadSAE(path string, opts SAEOptions) (*SAE, error) {
	if opts.K < 0 {
		return nil, wrongFile(path, "k is given as %d, not positive", opts.K)
	}
	w, err := openWeights(path)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.require(saeNames, "k", "threshold"); err != nil {
		return nil, err
	}
	switch {
	case opts.K == 0 && !w.has("k"):
		return nil, &FileError{File: path, Err: ErrNoK}
	case opts.K == 0 && !w.has("threshold"):
		return nil, &FileError{File: path, Err: ErrNoThreshold}
	}
	return w.sae(opts)
}

// sae reads an SAE whose names were checked. K is 0 where neither the file nor
// the options have one.
func (w *weights) sae(opts SAEOptions) (*SAE, error) {
	s := &SAE{K: opts.K, Threshold: NoThreshold}
	encoder, features, dim, err := w.matrix("encoder.weight", "features", "dim")
	if err != nil {
		return nil, err
	}
	s.Features, s.Dim = features, dim
	bias, err := w.shaped("encoder.bias", features)
	if err != nil {
		return nil, err
	}
	decoder, err := w.shaped("decoder.weight", dim, features)
	if err != nil {
		return nil, err
	}
	decoderBias, err := w.shaped("b_dec", dim)
	if err != nil {
		return nil, err
	}
	if err := w.saeScalars(s); err != nil {
		return nil, err
	}
	for _, p := range []struct {
		name string
		dst  *[]float32
		t    *checkpoint.Tensor
		read func(string, *checkpoint.Tensor) ([]float32, error)
	}{
		{"encoder.weight", &s.EncoderWeight, encoder, w.floats},
		{"encoder.bias", &s.EncoderBias, bias, w.floats},
		{"decoder.weight", &s.Decoder, decoder, w.transposed},
		{"b_dec", &s.DecoderBias, decoderBias, w.floats},
	} {
		if *p.dst, err = p.read(p.name, p.t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// saeScalars reads k, unless it is given, and the threshold.
func (w *weights) saeScalars(s *SAE) error {
	if s.K == 0 && w.has("k") {
		k, err := w.scalar("k", "store it as torch.tensor(k), or give k with --k")
		if err != nil {
			return err
		}
		if k != math.Trunc(k) || math.IsInf(k, 0) {
			return w.wrong("k", "is %v, not a whole number", k)
		}
		if k < 1 || k > float64(s.Features) {
			return w.wrong("k", "is %v, not in 1..%d, the number of features", k, s.Features)
		}
		s.K = int(k)
	}
	if s.K > s.Features {
		return w.wrong("", "k is given as %d, not in 1..%d, the number of features", s.K, s.Features)
	}
	if !w.has("threshold") {
		return nil
	}
	threshold, err := w.scalar("threshold", "store it as torch.tensor(threshold)")
	if err != nil {
		return err
	}
	s.Threshold = float32(threshold)
	if i := notFinite([]float32{s.Threshold}); i >= 0 {
		return w.wrong("threshold", "is %v, not a finite float32", threshold)
	}
	return nil
}
