package model

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/steersight/steersight/internal/checkpoint"
)

// A Description is what a model's file or folder holds.
type Description struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`             // KindSAE, KindInternalizer, KindInternalizers or KindModel
	View   View   `json:"view,omitempty"`   // of an internalizer in a folder
	Format string `json:"format,omitempty"` // of a file: "torch zip", "torch legacy", "safetensors"
	DType  string `json:"dtype,omitempty"`  // of a file's largest tensor

	Dim        int      `json:"dim"`
	Features   int      `json:"features,omitempty"`
	Hidden     int      `json:"hidden,omitempty"`
	K          *int     `json:"k,omitempty"`
	Threshold  *float32 `json:"threshold,omitempty"`
	Parameters int      `json:"parameters"` // numbers in the weights

	Fingerprint string `json:"fingerprint,omitempty"`
	// NoFingerprint says why there is no Fingerprint.
	NoFingerprint string `json:"no_fingerprint,omitempty"`

	Tensors []TensorDescription `json:"tensors,omitempty"` // of a file, in its order
	Parts   []Description       `json:"parts,omitempty"`   // of a folder
}

// A TensorDescription is a tensor as a file stores it.
type TensorDescription struct {
	Name  string `json:"name"` // without prefixes
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// The kinds of a Description.
const (
	KindSAE           = "sae"
	KindInternalizer  = "internalizer"
	KindInternalizers = "internalizers" // a folder of three
	KindModel         = "model"         // a folder of three and one SAE
)

// Inspect reads and checks an SAE, an internalizer, or a folder of internalizers
// with or without an SAE, and describes it. An SAE may lack k and threshold, in
// which case it has no fingerprint; anything else that ReadSAE or
// ReadInternalizers would refuse is an error here as well.
func Inspect(path string) (Description, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Description{}, err
	}
	if info.IsDir() {
		return inspectFolder(path)
	}
	d, _, _, err := inspectFile(path)
	return d, err
}

// inspectFile describes a file and returns the SAE or the internalizer in it.
func inspectFile(path string) (Description, *SAE, *Internalizer, error) {
	w, err := openWeights(path)
	if err != nil {
		return Description{}, nil, nil, err
	}
	defer w.close()
	d := w.description()
	switch {
	case w.has("encoder.weight") || w.has("decoder.weight"):
		s, err := w.inspectSAE(&d)
		return d, s, nil, err
	case w.has("net.0.weight") || w.has("net.2.weight"):
		if err := w.require(internalizerNames); err != nil {
			return Description{}, nil, nil, err
		}
		r, err := w.internalizer()
		if err != nil {
			return Description{}, nil, nil, err
		}
		d.Kind, d.Dim, d.Hidden, d.Fingerprint = KindInternalizer, r.Dim, r.Hidden, r.Fingerprint()
		d.Parameters = len(r.W1) + len(r.B1) + len(r.W2) + len(r.B2)
		return d, nil, r, nil
	}
	return Description{}, nil, nil, w.wrong("", "is neither an SAE nor an internalizer; its keys are %s", listKeys(w.keys))
}

// description describes a file as a checkpoint.
func (w *weights) description() Description {
	d := Description{Path: w.file.Path(), Format: w.file.Format()}
	largest := -1
	for _, name := range w.names {
		t, ok := w.values[name].(*checkpoint.Tensor)
		if !ok {
			continue
		}
		d.Tensors = append(d.Tensors, TensorDescription{Name: name, DType: string(t.DType), Shape: t.Shape})
		if t.Len() > largest {
			largest, d.DType = t.Len(), string(t.DType)
		}
	}
	return d
}

// inspectSAE completes the description of an SAE. The SAE is nil where it has
// no k or no threshold.
func (w *weights) inspectSAE(d *Description) (*SAE, error) {
	if err := w.require(saeNames, "k", "threshold"); err != nil {
		return nil, err
	}
	s, err := w.sae(SAEOptions{})
	if err != nil {
		return nil, err
	}
	d.Kind, d.Dim, d.Features = KindSAE, s.Dim, s.Features
	d.Parameters = len(s.EncoderWeight) + len(s.EncoderBias) + len(s.Decoder) + len(s.DecoderBias)
	if w.has("k") {
		d.K = &s.K
	} else {
		d.NoFingerprint = "the file has no k"
	}
	if w.has("threshold") {
		d.Threshold = &s.Threshold
	} else {
		d.NoFingerprint = cmp.Or(d.NoFingerprint, "the file has no threshold")
	}
	if d.NoFingerprint != "" {
		return nil, nil
	}
	d.Fingerprint = s.Fingerprint()
	return s, nil
}

// inspectFolder describes a folder of internalizers, and of SAEs if any.
func inspectFolder(dir string) (Description, error) {
	folder := Description{Path: dir, Kind: KindInternalizers}
	var in Internalizers
	for i, view := range InternalizerViews() {
		path, err := internalizerFile(dir, view)
		if err != nil {
			return Description{}, err
		}
		d, _, r, err := inspectFile(path)
		if err != nil {
			return Description{}, err
		}
		if r == nil {
			return Description{}, wrongFile(path, "holds an SAE, not an internalizer")
		}
		d.View, in[i] = view, r
		if err := folder.add(d); err != nil {
			return Description{}, err
		}
	}
	paths, err := saeFiles(dir)
	if err != nil {
		return Description{}, err
	}
	var sae *SAE
	for _, path := range paths {
		d, s, _, err := inspectFile(path)
		if err != nil {
			return Description{}, err
		}
		if d.Kind != KindSAE {
			return Description{}, wrongFile(path, "is an internalizer, but not named after a view")
		}
		if err := folder.add(d); err != nil {
			return Description{}, err
		}
		sae = s
	}
	switch {
	case len(paths) != 1:
		folder.NoFingerprint = "a model has one SAE, the folder has " + map[bool]string{true: "none", false: "several"}[len(paths) == 0]
		return folder, nil
	case sae == nil:
		folder.NoFingerprint = folder.Parts[len(folder.Parts)-1].NoFingerprint
	default:
		folder.Fingerprint = Fingerprint(in, sae)
	}
	folder.Kind = KindModel
	return folder, nil
}

// add adds a part to a folder's description.
func (d *Description) add(part Description) error {
	if len(d.Parts) > 0 {
		if err := sameDim(part.Path, part.Dim, filepath.Base(d.Parts[0].Path), d.Dim); err != nil {
			return err
		}
	}
	d.Dim = part.Dim
	d.Parameters += part.Parameters
	d.Parts = append(d.Parts, part)
	return nil
}

// saeFiles returns the checkpoints of a folder that are not internalizers by
// their name, sorted.
func saeFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		name := e.Name()
		ending := filepath.Ext(name)
		view, ok := strings.CutPrefix(strings.TrimSuffix(name, ending), "model_")
		views := InternalizerViews()
		if ending != ".pt" && ending != ".safetensors" || ok && slices.Contains(views[:], View(view)) {
			continue
		}
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths, nil
}
