package gpu

// Reconstruct returns the reconstruction x̃ = Σ_j code_j·w_j + b_dec of a code,
// summed in float64 over ascending features. The features must be the SAE's.
func (e *Engine) Reconstruct(code Code) []float64 {
	sae := e.sae
	sum := make([]float64, sae.Dim)
	for at, j := range code.Features {
		a := float64(code.Activations[at])
		for d, w := range sae.Decoder[int(j)*sae.Dim:][:sae.Dim] {
			sum[d] += a * float64(w)
		}
	}
	for d, bias := range sae.DecoderBias {
		sum[d] += float64(bias)
	}
	return sum
}

// Decode returns the reconstruction of each code, rounded to float32.
func (e *Engine) Decode(codes []Code) [][]float32 {
	rows := newRows(len(codes), e.sae.Dim)
	e.decodeAnywhere(codes, rows)
	return rows
}

// decodeOnCPU writes the reconstruction of a code.
func (e *Engine) decodeOnCPU(code Code, row []float32) {
	for d, sum := range e.Reconstruct(code) {
		row[d] = float32(sum)
	}
}
