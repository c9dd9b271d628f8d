// Package cuda computes codes, views and decodings on an NVIDIA GPU, with the
// bits that package gpu defines. It is empty without the build tag cuda.
//
// # One binary
//
// The driver (libcuda.so.1) and cuBLAS are loaded when the program runs, so
// that one binary starts with and without them: see driver.c and blas.go.
// gorgonia.org/cu is the interface to the driver.
//
// # How a batch flows
//
// A Device takes one batch at a time, on a thread of its own meanwhile. It cuts
// the batch into chunks and hands them to two slots in turn. A slot is a stream
// with pinned and device memory of its own, so that one slot's copies overlap
// the other one's arithmetic. The weights stay on the device.
//
// # Words
//
// A row is left when the device does not answer for it: it has more candidates
// than fit, or numbers beyond float32. The caller computes it on the CPU. Any
// error of CUDA's is final: the caller uses the Device no more.
package cuda
