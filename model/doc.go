// Package model holds a feature model: the three reasoning internalizers, the
// sparse autoencoder (SAE), the labels of its features, and the fingerprint
// that identifies what they compute.
//
// # On disk
//
// An SAE is one file; the internalizers are the files model_qa, model_summary
// and model_purpose of a folder; labels are the lines of a text file. Weights
// are read from torch checkpoints (.pt, of any age) and from safetensors, with
// the nesting and the name prefixes that training code leaves behind, and are
// written as safetensors. In memory all weights are float32. Files are not
// trusted: see package checkpoint for what that means.
//
// # Vocabulary
//
// A feature is one of the SAE's dictionary entries; a code is a sparse vector
// of their activations. A view is an embedding of a document: the original one,
// or what an internalizer makes of it. A label is the hypothesis of what a
// feature stands for. A fingerprint is a hash of everything that changes
// results, and of nothing else: all encodings of a model have the same.
//
// # Caveats
//
// Reading is stricter than the reference program, which loads weights that are
// not finite, integer weights, an internalizer whose output is zero, storages
// of the wrong length and entries with a wrong checksum. It is more lenient in
// one thing: given a k, an SAE may lack its own, and its threshold.
package model
