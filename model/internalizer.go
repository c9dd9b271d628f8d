package model

// An Internalizer is one reasoning internalizer R_t: an MLP that maps a
// document's embedding to the embedding of one view of it,
//
//	R_t(z) = Norm(W2·tanh(W1·z + B1) + B2)
//
// with Norm dividing by max(‖·‖₂, 1e-12). All slices are read-only once loaded.
type Internalizer struct {
	Dim    int // length of an embedding, in and out
	Hidden int // width of the hidden layer

	W1 []float32 // [Hidden, Dim]
	B1 []float32 // [Hidden]
	W2 []float32 // [Dim, Hidden]
	B2 []float32 // [Dim]
}
