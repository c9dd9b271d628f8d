// Package model holds a feature model: the three reasoning internalizers, the
// sparse autoencoder (SAE), the labels of its features, and the fingerprint
// that identifies what they compute.
package model
