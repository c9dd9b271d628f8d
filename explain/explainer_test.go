package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
)

const testDim = 24

func randomFloats(r *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(scale * r.NormFloat64())
	}
	return v
}

// testExplainer returns an Explainer with a random model of 60 features, k=9.
func testExplainer(t *testing.T, options Options) *Explainer {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	sae := &model.SAE{Dim: testDim, Features: 60, K: 9, Threshold: model.NoThreshold,
		EncoderWeight: randomFloats(r, 60*testDim, .3), EncoderBias: randomFloats(r, 60, .1),
		Decoder: randomFloats(r, 60*testDim, 3), DecoderBias: randomFloats(r, testDim, .2)}
	var internalizers []*model.Internalizer
	for len(internalizers) < model.NumViews-1 {
		internalizers = append(internalizers, &model.Internalizer{Dim: testDim, Hidden: 7,
			W1: randomFloats(r, 7*testDim, .5), B1: randomFloats(r, 7, .1), W2: randomFloats(r, 7*testDim, .5), B2: randomFloats(r, testDim, .1)})
	}
	engine, err := gpu.Open(sae, internalizers, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := New(engine, options)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// randomSource is a Source of random vectors that depend on the line only.
type randomSource struct{ fail error }

func (s randomSource) Embed(_ context.Context, pairs []Pair) (q, d [][]float32, err error) {
	for _, p := range pairs {
		r := rand.New(rand.NewPCG(7, uint64(p.Line)))
		q = append(q, randomFloats(r, testDim, 1))
		d = append(d, randomFloats(r, testDim, 1))
	}
	return q, d, s.fail
}

func (s randomSource) Finish(int) error { return nil }

func testPairs(n int) *PairReader {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "{\"query\": \"q\", \"doc\": \"d\", \"query_id\": %d}\n", i)
	}
	return NewPairReader(strings.NewReader(text.String()), "test.jsonl")
}

func runAll(t *testing.T, x *Explainer, n, batch int, format Format) string {
	t.Helper()
	var out bytes.Buffer
	if done, err := x.Run(context.Background(), testPairs(n), randomSource{}, batch, format, &out, nil); err != nil || done != n {
		t.Fatalf("%d pairs, %v", done, err)
	}
	return out.String()
}

func TestLeavesAddUp(t *testing.T) {
	x := testExplainer(t, Options{Threshold: 0.1, Labels: model.Labels{"zero", "one"}, Fingerprint: "f"})
	for _, line := range strings.Split(strings.TrimSpace(runAll(t, x, 50, 8, Full)), "\n") {
		var d Document
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		if d.Schema != Schema || d.Model != "f" || d.Threshold != 0.1 || string(d.DocID) != "null" {
			t.Fatalf("head of %s", line)
		}
		score, shared := 0., 0.
		union := map[uint32]bool{}
		for _, view := range d.Views {
			sum := view.Bias + view.Residual
			viewShared := 0.
			for i, leaf := range view.Features {
				sum += leaf.Contribution
				if leaf.Shared {
					viewShared += leaf.Contribution
					union[leaf.Feature] = true
				}
				if leaf.Shared != (leaf.Activation > 0.1 && leaf.QueryActivation > 0.1) {
					t.Errorf("leaf %+v", leaf)
				}
				if i > 0 && leaf.Shared && !view.Features[i-1].Shared {
					t.Error("a shared feature after one that is not")
				}
				if (leaf.Feature == 1) != (leaf.Label == "one") {
					t.Errorf("label of %+v", leaf)
				}
			}
			if math.Abs(sum-view.Score) > 1e-9 {
				t.Errorf("the leaves of %s sum to %v, its score is %v", view.Name, sum, view.Score)
			}
			if math.Abs(viewShared-view.SharedContribution) > 1e-9 {
				t.Errorf("shared contribution %v, want %v", view.SharedContribution, viewShared)
			}
			score += view.Score
			shared += viewShared
		}
		if math.Abs(score-d.Score) > 1e-9 || math.Abs(shared-d.SharedContribution) > 1e-9 {
			t.Errorf("views sum to %v, %v; the pair has %v, %v", score, shared, d.Score, d.SharedContribution)
		}
		if len(union) != len(d.SharedFeatures) {
			t.Errorf("%d shared features, %d in the leaves", len(d.SharedFeatures), len(union))
		}
	}
}

// TestScoreIsTheInnerProduct recomputes a view's score, bias and residual from
// the vectors, apart from the code under test.
func TestScoreIsTheInnerProduct(t *testing.T) {
	x := testExplainer(t, Options{})
	q, d, _ := randomSource{}.Embed(context.Background(), []Pair{{Line: 3}})
	v, c, err := x.encode(context.Background(), q, d)
	if err != nil {
		t.Fatal(err)
	}
	sae := x.engine.SAE()
	for at, name := range model.Views() {
		view := x.View(name, q[0], v[0].views[at], c[0].query, c[0].views[at])
		rest := append([]float32(nil), v[0].views[at]...)
		score, bias, residual := 0., 0., 0.
		decoded := make([]float64, testDim)
		for i, j := range c[0].views[at].Features {
			for n := range decoded {
				decoded[n] += float64(c[0].views[at].Activations[i]) * float64(sae.Decoder[int(j)*testDim+n])
			}
		}
		for n := range rest {
			score += float64(q[0][n]) * float64(rest[n])
			bias += float64(q[0][n]) * float64(sae.DecoderBias[n])
			residual += float64(q[0][n]) * (float64(rest[n]) - decoded[n] - float64(sae.DecoderBias[n]))
		}
		if math.Abs(view.Score-score)+math.Abs(view.Bias-bias)+math.Abs(view.Residual-residual) > 1e-9 {
			t.Errorf("%s: score, bias, residual %v %v %v, want %v %v %v", name, view.Score, view.Bias, view.Residual, score, bias, residual)
		}
	}
}

func TestBatchesChangeNothing(t *testing.T) {
	x := testExplainer(t, Options{Threshold: 0.2, Labels: model.Labels{"a", "b"}})
	for _, format := range []Format{Reference, Full} {
		want := runAll(t, x, 40, 40, format)
		for _, batch := range []int{1, 7, 1000} {
			if got := runAll(t, x, 40, batch, format); got != want {
				t.Errorf("%s: batches of %d change the output", format, batch)
			}
		}
	}
}

func TestOverlap(t *testing.T) {
	a := gpu.Code{Features: []uint32{1, 3, 5, 9}, Activations: []float32{1, .1, .5, 1}}
	b := gpu.Code{Features: []uint32{0, 3, 5, 9, 11}, Activations: []float32{1, 1, .2, 1, 1}}
	for tau, want := range map[float32][]uint32{0: {3, 5, 9}, .1: {5, 9}, .2: {9}, 1: {}} {
		if got := Overlap(a, b, tau); !reflect.DeepEqual(got, want) {
			t.Errorf("Overlap at %v is %v, want %v", tau, got, want)
		}
	}
}

func TestRunErrors(t *testing.T) {
	x := testExplainer(t, Options{})
	broken := errors.New("broken")
	run := func(text string, source Source, format Format) error {
		_, err := x.Run(context.Background(), NewPairReader(strings.NewReader(text), "in.jsonl"), source, 2, format, &bytes.Buffer{}, nil)
		return err
	}
	const good = `{"query": "a", "doc": "b"}` + "\n"
	for want, err := range map[string]error{
		"in.jsonl: no query-document pairs in it": run(" \n", randomSource{}, Reference),
		"broken":                                    run(good, randomSource{broken}, Reference),
		`in.jsonl:3: field "query" is missing`:      run(good+good+"{}", randomSource{}, Reference),
		"in.jsonl:4: number 2 of the vector is NaN": run(good+"\n"+good+good, nanSource{}, Reference),
		`in.jsonl:1: field "query_id" holds NaN or an infinity, which the full format cannot: give the pair another id`: run(`{"query": "a", "doc": "b", "query_id": [NaN]}`, randomSource{}, Full),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v\n want %s", err, want)
		}
	}
	if _, err := New(x.engine, Options{Threshold: -1}); err == nil {
		t.Error("a negative threshold is taken")
	}
	if _, err := New(x.engine, Options{Threshold: float32(math.NaN())}); err == nil {
		t.Error("a threshold of NaN is taken")
	}
}

// nanSource gives a NaN in the document of line 4.
type nanSource struct{ randomSource }

func (s nanSource) Embed(ctx context.Context, pairs []Pair) (q, d [][]float32, err error) {
	q, d, err = s.randomSource.Embed(ctx, pairs)
	for i, p := range pairs {
		if p.Line == 4 {
			d[i][2] = float32(math.NaN())
		}
	}
	return q, d, err
}
