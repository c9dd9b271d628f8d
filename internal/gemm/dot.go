package gemm

// The kernels hold one accumulator for each element they compute. The
// conversion float32(x * y) keeps the compiler from fusing the product into
// the sum, which would round differently on machines that fuse.
//
// One row against six is the widest shape whose accumulators and pointers all
// stay in registers on amd64; two rows against four spills.

// dot6 sets d to the sums of row a with six rows of w, all of one length.
func dot6(d *[6]float32, a, w0, w1, w2, w3, w4, w5 []float32) {
	var s0, s1, s2, s3, s4, s5 float32
	w0, w1, w2 = w0[:len(a)], w1[:len(a)], w2[:len(a)]
	w3, w4, w5 = w3[:len(a)], w4[:len(a)], w5[:len(a)]
	for p, x := range a {
		s0 += float32(x * w0[p])
		s1 += float32(x * w1[p])
		s2 += float32(x * w2[p])
		s3 += float32(x * w3[p])
		s4 += float32(x * w4[p])
		s5 += float32(x * w5[p])
	}
	d[0], d[1], d[2], d[3], d[4], d[5] = s0, s1, s2, s3, s4, s5
}

// dot returns the sum of row a with one row of w of the same length.
func dot(a, w []float32) float32 {
	var s float32
	w = w[:len(a)]
	for p, x := range a {
		s += float32(x * w[p])
	}
	return s
}
