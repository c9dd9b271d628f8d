package gpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

func randomInternalizer(r *rand.Rand, dim, hidden int) *model.Internalizer {
	return &model.Internalizer{Dim: dim, Hidden: hidden,
		W1: randomVector(r, hidden*dim), B1: randomVector(r, hidden), W2: randomVector(r, dim*hidden), B2: randomVector(r, dim)}
}

// TestViewsEqualTheFormula compares with the equation in plain float64.
func TestViewsEqualTheFormula(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	m := randomInternalizer(r, 30, 17)
	sae := randomSAE(r, 30, 10, 2, "random")
	e, err := Open(sae, []*model.Internalizer{m}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	z := [][]float32{randomVector(r, 30), make([]float32, 30)}
	views, err := e.Views(context.Background(), z)
	if err != nil {
		t.Fatal(err)
	}
	for i := range z {
		y, norm := make([]float64, 30), 0.
		for o := range y {
			y[o] = float64(m.B2[o])
			for h := range 17 {
				a := float64(m.B1[h])
				for d, x := range z[i] {
					a += float64(x) * float64(m.W1[h*30+d])
				}
				y[o] += math.Tanh(a) * float64(m.W2[o*17+h])
			}
			norm += y[o] * y[o]
		}
		for o := range y {
			if want := y[o] / math.Sqrt(norm); math.Abs(float64(views[0][i][o])-want) > 2e-7 {
				t.Errorf("row %d: view[%d] is %v, the formula gives %v", i, o, views[0][i][o], want)
			}
		}
	}
}

// definedView is R_t(z) bit for bit, written down as plainly as can be.
func definedView(m *model.Internalizer, z []float32) []float32 {
	hidden, view := make([]float32, m.Hidden), make([]float32, m.Dim)
	for h := range hidden {
		hidden[h] = float32(kernel.Tanh(slowDot(z, m.W1[h*m.Dim:][:m.Dim]) + float64(m.B1[h])))
	}
	for o := range view {
		view[o] = float32(slowDot(hidden, m.W2[o*m.Hidden:][:m.Hidden]) + float64(m.B2[o]))
	}
	norm := max(math.Sqrt(slowDot(view, view)), 1e-12)
	for o := range view {
		view[o] = float32(float64(view[o]) / norm)
	}
	return view
}

func TestViewsErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	m := randomInternalizer(r, 4, 3)
	for i := range m.W2 {
		m.W2[i] = math.MaxFloat32
	}
	sae := randomSAE(r, 4, 10, 2, "random")
	e, err := Open(sae, []*model.Internalizer{m}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.B1 {
		m.B1[i] = 100
	}
	if _, err := e.Views(context.Background(), [][]float32{{1, 0, 0, 0}}); err == nil || !strings.Contains(err.Error(), "row 0: internalizer 1: number") {
		t.Errorf("error %v", err)
	}
	if _, err := Open(sae, []*model.Internalizer{randomInternalizer(r, 5, 3)}, Options{}); err == nil || !strings.Contains(err.Error(), "embeddings of 5 numbers, the sae on 4") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkViews(b *testing.B) {
	for _, shape := range [][3]int{{384, 128, 1}, {384, 128, 256}, {1024, 1024, 256}} {
		dim, hidden, rows := shape[0], shape[1], shape[2]
		b.Run(fmt.Sprintf("%dx%d/rows=%d", dim, hidden, rows), func(b *testing.B) {
			r := rand.New(rand.NewPCG(17, 18))
			m := []*model.Internalizer{randomInternalizer(r, dim, hidden), randomInternalizer(r, dim, hidden), randomInternalizer(r, dim, hidden)}
			e, err := Open(randomSAE(r, dim, 10, 2, "random"), m, Options{Threads: 1})
			if err != nil {
				b.Fatal(err)
			}
			z := make([][]float32, rows)
			for i := range z {
				z[i] = randomVector(r, dim)
			}
			for b.Loop() {
				if _, err := e.Views(context.Background(), z); err != nil {
					b.Fatal(err)
				}
			}
			seconds := b.Elapsed().Seconds() / float64(b.N*rows)
			b.ReportMetric(1/seconds, "rows/s")
			b.ReportMetric(3*4*float64(dim*hidden)/seconds/1e9, "GFLOP/s")
		})
	}
}
