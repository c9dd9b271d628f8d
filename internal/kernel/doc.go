// Package kernel is the arithmetic that everything else is made of: the exact
// inner product Dot and the float32 matrix product of Matrix, and what goes with
// them, in assembly for AVX-512 and AVX2 and in Go for every other CPU.
//
// # Dot
//
// Dot has one value everywhere, bit for bit; its order of summation is stated
// with it. Dots and DotRows give the same values for many rows at once, where
// each number is converted to float64 once for several products. Tanh, too, has
// one value everywhere.
//
// # Matrix products
//
// An element of a product is the sum of its k products in order, into one
// float32 that begins at zero, and the bias added last. It depends on its row,
// its column and its bias alone: neither the number of rows, nor where a row
// stands, nor how callers share rows out among goroutines changes a bit of it.
//
// AVX-512 and AVX2 fuse each product into the sum and give the same bits. The
// Go kernel rounds each product first and differs from them in the last bits;
// whoever needs the same bits everywhere screens with Matrix and decides with
// Dot.
//
// # Rows
//
// Gelu, Softmax and AddNorm work on rows of float32, sixteen numbers at a time:
// AVX-512 and AVX2 give the same bits, Go others. A Shortlist keeps the largest
// scores of rows while a product is made panel by panel.
//
// The assembly is written by the program in gen, a module of its own.
package kernel
