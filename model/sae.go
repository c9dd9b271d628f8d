package model

// NoThreshold is the Threshold of an SAE whose checkpoint stores none: every
// positive pre-activation passes it.
const NoThreshold = -1

// An SAE is a TopK sparse autoencoder over embeddings of Dim numbers with
// Features dictionary features:
//
//	code = TopK_K(ReLU(EncoderWeight·(x − DecoderBias) + EncoderBias))
//	x̃    = Σ_j code_j · Decoder_j + DecoderBias
//
// All slices are float32 whatever the checkpoint's own type was, and are
// read-only once loaded.
type SAE struct {
	Dim      int // length of an embedding
	Features int // number of dictionary features
	K        int // features kept by TopK, 1 ≤ K ≤ Features
	// Threshold is the activation threshold stored with the checkpoint, used
	// in threshold mode only; NoThreshold where there is none.
	Threshold float32

	EncoderWeight []float32 // [Features, Dim], row j belongs to feature j
	EncoderBias   []float32 // [Features]
	Decoder       []float32 // [Features, Dim], row j is the decoder column w_j
	DecoderBias   []float32 // [Dim], b_dec
}
