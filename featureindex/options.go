package featureindex

import (
	"fmt"
	"math"
)

// Limits of the format.
const (
	MaxFeatures    = 1 << 24 // features of a model
	MaxViews       = 8
	MaxDim         = 1 << 16
	MaxDocuments   = math.MaxInt32  // of a section
	MaxPostings    = math.MaxUint32 // of one view
	maxFingerprint = math.MaxUint16 // bytes
	maxViewName    = math.MaxUint8  // bytes
)

// Options say what a section holds. Sections are merged only with sections of
// the same Options.
type Options struct {
	Fingerprint string   // of the feature model; opaque, at most 65,535 bytes
	Features    int      // D, the number of features, 1..MaxFeatures
	Views       []string // their names, distinct, 1..MaxViews of them
	Dim         int      // components of the dense vectors; 0 for none
	Half        bool     // keep activations as float16 instead of float32
}

// check returns an error that wraps ErrOptions where o describes no section.
func (o *Options) check() error {
	switch {
	case len(o.Fingerprint) > maxFingerprint:
		return fmt.Errorf("%w: fingerprint of %d bytes", ErrOptions, len(o.Fingerprint))
	case o.Features < 1 || o.Features > MaxFeatures:
		return fmt.Errorf("%w: %d features, want 1 to %d", ErrOptions, o.Features, MaxFeatures)
	case o.Dim < 0 || o.Dim > MaxDim:
		return fmt.Errorf("%w: %d dimensions, want 0 to %d", ErrOptions, o.Dim, MaxDim)
	case len(o.Views) < 1 || len(o.Views) > MaxViews:
		return fmt.Errorf("%w: %d views, want 1 to %d", ErrOptions, len(o.Views), MaxViews)
	}
	for i, name := range o.Views {
		if name == "" || len(name) > maxViewName {
			return fmt.Errorf("%w: view %d has a name of %d bytes, want 1 to %d", ErrOptions, i, len(name), maxViewName)
		}
		for _, other := range o.Views[:i] {
			if name == other {
				return fmt.Errorf("%w: two views named %q", ErrOptions, name)
			}
		}
	}
	return nil
}

// clone returns a copy that shares nothing with o.
func (o *Options) clone() Options {
	c := *o
	c.Views = append([]string(nil), o.Views...)
	return c
}

// differ says what tells o from p, or nothing where they are the same.
func (o *Options) differ(p *Options) string {
	switch {
	case o.Fingerprint != p.Fingerprint:
		return fmt.Sprintf("fingerprints %q and %q", o.Fingerprint, p.Fingerprint)
	case o.Features != p.Features:
		return fmt.Sprintf("%d and %d features", o.Features, p.Features)
	case o.Dim != p.Dim:
		return fmt.Sprintf("%d and %d dimensions", o.Dim, p.Dim)
	case o.Half != p.Half:
		return "float16 and float32 activations"
	case fmt.Sprint(o.Views) != fmt.Sprint(p.Views):
		return fmt.Sprintf("views %q and %q", o.Views, p.Views)
	}
	return ""
}

// lists returns the number of sets of lists: one a view, and the union where
// it is not the only view itself.
func (o *Options) lists() int {
	if len(o.Views) == 1 {
		return 1
	}
	return len(o.Views) + 1
}

// featureBytes returns the bytes of a feature in a code.
func (o *Options) featureBytes() int {
	if o.narrow() {
		return 2
	}
	return 4
}

// narrow tells whether feature numbers fit 16 bits.
func (o *Options) narrow() bool { return o.Features <= 1<<16 }
