// Package gpu is the batched arithmetic of a feature model: the reasoning
// internalizers that turn a document's embedding into views, the sparse
// autoencoder that turns vectors into codes, and decoding.
//
// # One value everywhere
//
// A result is defined, not left to the hardware. The activation of feature j
// for a vector x is
//
//	float32(Dot(float32(x − b_dec), EncoderWeight_j) + EncoderBias_j)
//
// with Dot a float64 sum in a fixed order, and TopK prefers the lower feature
// where activations are equal. Views are made of the same sums and a tanh that
// is spelled out in exactly rounded operations. So codes and views do not
// depend on the device, its vector width, the number of threads or the rows
// that share a batch, bit for bit.
//
// Doing every sum in float64 would be slow. Encode first screens all features
// in float32, whose error has a proven bound, and computes the definition only
// for the features that the bound cannot rule out: a few more than K. It keeps
// the best of each row while it goes through the features, so that memory does
// not grow with their number times the rows. Views are float64 throughout, six
// rows by four at a time, in the same order as one by one.
//
// # Devices
//
// Built with the tag cuda, an Engine computes on an NVIDIA GPU where there is
// one; see docs/gpu.md. The GPU screens with its tensor cores and decides by
// the same definition. What it has no answer for, and everything after an
// error, is computed on the CPU.
//
// # Words
//
// A view is one of the vectors of a document: its embedding z itself, and what
// the qa, summary and purpose internalizers make of it. A code is the sparse
// vector of a view's activations. Vectors are float32 rows of Engine.Dim.
package gpu
