package gpu

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/steersight/steersight/model"
)

// bruteForce is the definition of a code: all activations in float64, the k
// largest positive ones, ties to the lower feature. k < 0 means threshold mode.
func bruteForce(sae *model.SAE, x []float32, k int) Code {
	type pair struct {
		feature uint32
		value   float32
	}
	centred := make([]float32, sae.Dim)
	for i := range x {
		centred[i] = x[i] - sae.DecoderBias[i]
	}
	var all []pair
	for j := range sae.Features {
		a := float32(slowDot(centred, sae.EncoderWeight[j*sae.Dim:][:sae.Dim]) + float64(sae.EncoderBias[j]))
		if a > 0 && (k >= 0 || a > sae.Threshold) {
			all = append(all, pair{uint32(j), a})
		}
	}
	if k >= 0 {
		slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(b.value, a.value) })
		all = all[:min(k, len(all))]
		slices.SortFunc(all, func(a, b pair) int { return cmp.Compare(a.feature, b.feature) })
	}
	code := Code{make([]uint32, 0), make([]float32, 0)}
	for _, p := range all {
		code.Features, code.Activations = append(code.Features, p.feature), append(code.Activations, p.value)
	}
	return code
}

// randomSAE returns an SAE; kind shapes its weights.
func randomSAE(r *rand.Rand, dim, features, k int, kind string) *model.SAE {
	sae := &model.SAE{Dim: dim, Features: features, K: k, Threshold: 0.3,
		EncoderWeight: randomVector(r, dim*features), EncoderBias: randomVector(r, features),
		Decoder: randomVector(r, dim*features), DecoderBias: randomVector(r, dim)}
	for i := range sae.EncoderWeight {
		sae.EncoderWeight[i] /= float32(math.Sqrt(float64(dim)))
	}
	switch kind {
	case "tied": // many features are copies of few
		for j := range features {
			from := j % 7
			copy(sae.EncoderWeight[j*dim:][:dim], sae.EncoderWeight[from*dim:][:dim])
			sae.EncoderBias[j] = sae.EncoderBias[from]
		}
	case "nearly tied": // one unit in the last place apart
		for j := range features {
			copy(sae.EncoderWeight[j*dim:][:dim], sae.EncoderWeight[:dim])
			sae.EncoderBias[j] = math.Nextafter32(1, float32(j%3)) // 1-ulp, 1 or 1+ulp
		}
	case "negative":
		for j := range features {
			sae.EncoderBias[j] = -1000
		}
	case "few positive":
		for j := range features {
			if j%50 != 3 {
				sae.EncoderBias[j] = -1000
			}
		}
	case "denormal":
		for i := range sae.EncoderWeight {
			sae.EncoderWeight[i] *= 0x1p-140
		}
		for j := range features {
			sae.EncoderBias[j] *= 0x1p-145
		}
	case "huge":
		for i := range sae.EncoderWeight {
			sae.EncoderWeight[i] *= 1e35
		}
	}
	return sae
}

var kinds = []string{"random", "tied", "nearly tied", "negative", "few positive", "denormal", "huge"}

func TestEncodeEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, kind := range kinds {
		for _, shape := range []struct{ dim, features, k int }{{24, 96, 5}, {1, 1, 1}, {31, 257, 256}, {64, 130, 1}, {33, 500, 16}} {
			t.Run(fmt.Sprint(kind, shape), func(t *testing.T) {
				sae := randomSAE(r, shape.dim, shape.features, shape.k, kind)
				x := make([][]float32, 37)
				for i := range x {
					x[i] = randomVector(r, shape.dim)
				}
				x[1] = make([]float32, shape.dim)
				x[2] = slices.Clone(sae.DecoderBias)
				checkCodes(t, sae, x)
			})
		}
	}
}

func checkCodes(t *testing.T, sae *model.SAE, x [][]float32) {
	t.Helper()
	e, err := Open(sae, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	topK, err := e.Encode(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	threshold, err := e.EncodeThreshold(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if want := bruteForce(sae, x[i], sae.K); !reflect.DeepEqual(topK[i], want) {
			t.Errorf("row %d: TopK code %v, brute force %v", i, topK[i], want)
		}
		if want := bruteForce(sae, x[i], -1); !reflect.DeepEqual(threshold[i], want) {
			t.Errorf("row %d: threshold code %v, brute force %v", i, threshold[i], want)
		}
	}
}

func TestBatchAndThreadsChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	sae := randomSAE(r, 40, 300, 12, "random")
	internalizers := []*model.Internalizer{randomInternalizer(r, 40, 9), randomInternalizer(r, 40, 70)}
	z := make([][]float32, 100)
	for i := range z {
		z[i] = randomVector(r, 40)
	}
	type result struct {
		codes []Code
		views [][][]float32
	}
	compute := func(threads, batch int) (all result) {
		e, err := Open(sae, internalizers, Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		all.views = make([][][]float32, 2)
		for from := 0; from < len(z); from += batch {
			rows := z[from:min(len(z), from+batch)]
			codes, err := e.Encode(context.Background(), rows)
			if err != nil {
				t.Fatal(err)
			}
			views, err := e.Views(context.Background(), rows)
			if err != nil {
				t.Fatal(err)
			}
			all.codes = append(all.codes, codes...)
			for v := range views {
				all.views[v] = append(all.views[v], views[v]...)
			}
		}
		return all
	}
	want := compute(1, 1)
	for _, c := range []struct{ threads, batch int }{{1, 100}, {2, 7}, {3, 64}, {8, 33}, {5, 100}} {
		if got := compute(c.threads, c.batch); !reflect.DeepEqual(got, want) {
			t.Errorf("%d threads and batches of %d change the result", c.threads, c.batch)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	sae := randomSAE(r, 24, 50, 5, "random")
	sae.DecoderBias[3] = -math.MaxFloat32
	e, err := Open(sae, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	row := func(change func([]float32)) []float32 { v := randomVector(r, 24); change(v); return v }
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		row  []float32
		want string
	}{
		{context.Background(), row(func(v []float32) { v[7] = float32(math.NaN()) }), "row 1: number 7 of the vector is NaN"},
		{context.Background(), row(func(v []float32) { v[0] = float32(math.Inf(-1)) }), "row 1: number 0 of the vector is -Inf"},
		{context.Background(), row(func(v []float32) { v[3] = math.MaxFloat32 }), "row 1: the vector minus the decoder bias is too large for float32"},
		{context.Background(), make([]float32, 23), "row 1: the vector has 23 numbers, the model takes 24"},
		{cancelled, row(func([]float32) {}), "context canceled"},
	} {
		_, err := e.Encode(c.ctx, [][]float32{make([]float32, 24), c.row})
		if err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	sae = randomSAE(r, 2, 3, 1, "random")
	sae.EncoderWeight[2], sae.EncoderWeight[3] = math.MaxFloat32, math.MaxFloat32
	if e, err = Open(sae, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Encode(context.Background(), [][]float32{{1e6, 1e6}})
	if want := "row 0: the activation of feature 1 is too large for float32"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, shape := range [][4]int{{384, 4096, 64, 1}, {384, 4096, 64, 8}, {384, 4096, 64, 256}, {1024, 32768, 64, 256}} {
		dim, features, k, rows := shape[0], shape[1], shape[2], shape[3]
		if testing.Short() && features > 4096 {
			continue
		}
		b.Run(fmt.Sprintf("%dx%d/k=%d/rows=%d", dim, features, k, rows), func(b *testing.B) {
			r := rand.New(rand.NewPCG(11, 12))
			sae := randomSAE(r, dim, features, k, "random")
			x := make([][]float32, rows)
			for i := range x {
				x[i] = randomVector(r, dim)
			}
			e, err := Open(sae, nil, Options{Threads: 1})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := e.Encode(context.Background(), x); err != nil {
					b.Fatal(err)
				}
			}
			seconds := b.Elapsed().Seconds() / float64(b.N*rows)
			b.ReportMetric(1/seconds, "rows/s")
			b.ReportMetric(2*float64(dim*features)/seconds/1e9, "GFLOP/s")
		})
	}
}
