package gpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	sae := randomSAE(r, 9, 20, 3, "random")
	e, err := Open(sae, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := e.Decode([]Code{{}, {[]uint32{2, 19}, []float32{0.5, 3}}})
	for d := range 9 {
		if got[0][d] != sae.DecoderBias[d] {
			t.Errorf("an empty code decodes to %v at %d, want the bias %v", got[0][d], d, sae.DecoderBias[d])
		}
		want := 0.5*float64(sae.Decoder[2*9+d]) + 3*float64(sae.Decoder[19*9+d]) + float64(sae.DecoderBias[d])
		if math.Abs(float64(got[1][d])-want) > 1e-6 {
			t.Errorf("decoded[%d] is %v, want %v", d, got[1][d], want)
		}
	}
}
