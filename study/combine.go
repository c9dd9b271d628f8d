package study

// combine adds to dst the rows of a matrix, as long as dst, each times its
// coefficient: four at a time, in order. Products are converted before they are
// added so that no machine fuses the two.
func combine(dst, coefficients []float32, rows []uint32, matrix []float32) {
	n := len(dst)
	at := func(i int) []float32 { return matrix[int(rows[i])*n:][:n] }
	i := 0
	for ; i+4 <= len(rows); i += 4 {
		c0, c1, c2, c3 := coefficients[i], coefficients[i+1], coefficients[i+2], coefficients[i+3]
		r0, r1, r2, r3 := at(i), at(i+1), at(i+2), at(i+3)
		for d := range dst {
			dst[d] += float32(c0*r0[d]) + float32(c1*r1[d]) + (float32(c2*r2[d]) + float32(c3*r3[d]))
		}
	}
	for ; i < len(rows); i++ {
		c, r := coefficients[i], at(i)
		for d := range dst {
			dst[d] += float32(c * r[d])
		}
	}
}
