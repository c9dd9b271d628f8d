package study

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// randomRows are rows of normal numbers.
func randomRows(seed uint64, n, dim int) InMemory {
	random := rand.New(rand.NewPCG(seed, 99))
	rows := make(InMemory, n)
	for i := range rows {
		rows[i] = make([]float32, dim)
		for d := range rows[i] {
			rows[i][d] = float32(random.NormFloat64())
		}
	}
	return rows
}

func flat(rows InMemory) (all []float32) {
	for _, row := range rows {
		all = append(all, row...)
	}
	return all
}

func unit(rows InMemory) InMemory {
	for _, row := range rows {
		norm := math.Sqrt(kernel.Dot(row, row))
		for i := range row {
			row[i] = float32(float64(row[i]) / norm)
		}
	}
	return rows
}

// slowLoss is the loss by its definition in float64, with one weight changed.
func slowLoss(n *network, z, targets InMemory, tensor, at int, by float64) (loss float64) {
	weight := func(t, i int) float64 {
		if t == tensor && i == at {
			return float64(n.weights[t].w[i]) + by
		}
		return float64(n.weights[t].w[i])
	}
	for r := range z {
		h, u, norm := make([]float64, n.hidden), make([]float64, n.dim), 0.
		for j := range h {
			for d, x := range z[r] {
				h[j] += weight(w1, j*n.dim+d) * float64(x)
			}
			h[j] = math.Tanh(h[j] + weight(b1, j))
		}
		for d := range u {
			for j, x := range h {
				u[d] += weight(w2, d*n.hidden+j) * x
			}
			u[d] += weight(b2, d)
			norm += u[d] * u[d]
		}
		for d := range u {
			diff := u[d]/math.Sqrt(norm) - float64(targets[r][d])
			loss += diff * diff / float64(n.dim*len(z))
		}
	}
	return loss
}

func TestNetworkGradient(t *testing.T) {
	z, targets := randomRows(1, 3, 5), unit(randomRows(2, 3, 5))
	n := newNetwork(5, 7, 3, 1)
	n.forward(flat(z), len(z))
	loss := n.backward(flat(z), flat(targets))
	if want := slowLoss(n, z, targets, -1, 0, 0); math.Abs(loss-want) > 1e-7 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	const h = 1e-5
	for tensor, l := range n.weights {
		for i, got := range l.gradient {
			want := (slowLoss(n, z, targets, tensor, i, h) - slowLoss(n, z, targets, tensor, i, -h)) / (2 * h)
			if math.Abs(float64(got)-want) > 1e-6 {
				t.Errorf("tensor %d: the gradient of weight %d is %v, want %v", tensor, i, got, want)
			}
		}
	}
}

// What training computes are the views that the Engine makes of the weights.
func TestNetworkIsTheEngines(t *testing.T) {
	const dim = 32
	z := randomRows(4, 60, dim)
	n := newNetwork(dim, 48, 5, 2)
	n.forward(flat(z), len(z))
	sae := &model.SAE{Dim: dim, Features: 1, K: 1, EncoderWeight: make([]float32, dim), EncoderBias: make([]float32, 1),
		Decoder: make([]float32, dim), DecoderBias: make([]float32, dim)}
	engine, err := gpu.Open(sae, []*model.Internalizer{n.copy()}, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	views, err := engine.Views(context.Background(), z)
	if err != nil {
		t.Fatal(err)
	}
	for i, view := range views[0] {
		if d := squaredDistance(view, n.view(i)); d > 1e-11 {
			t.Errorf("row %d: the squared distance is %v", i, d)
		}
	}
}
