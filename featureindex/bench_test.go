package featureindex

import (
	"bytes"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// A generator makes codes like an SAE's: a document has two topics, of which
// each has its features, and some features of its own; popular features are in
// many topics. The other views of a document keep about half of its features.
type generator struct {
	r      *rand.Rand
	k, d   int
	topics [][]uint32
	mark   []uint32 // by feature, the code that it was drawn for last
	codes  uint32
}

func newGenerator(d, k int) *generator {
	g := &generator{r: rand.New(rand.NewPCG(1, 2)), k: k, d: d, mark: make([]uint32, d)}
	for range 2000 {
		topic := make([]uint32, 4*k)
		for i := range topic {
			topic[i] = g.popular()
		}
		g.topics = append(g.topics, topic)
	}
	return g
}

// popular draws a feature with a frequency of about rank^−0.7.
func (g *generator) popular() uint32 {
	rank := math.Pow(g.r.Float64(), 1/0.3) * float64(g.d)
	return uint32(rank) * 40503 % uint32(g.d) // spread over all numbers
}

// document returns a code for each of the views.
func (g *generator) document(views int) []Code {
	a, b := g.topic(), g.topic()
	codes := make([]Code, views)
	for v := range codes {
		g.codes++
		features := make([]uint32, 0, g.k)
		add := func(f uint32) {
			if g.mark[f] != g.codes {
				g.mark[f] = g.codes
				features = append(features, f)
			}
		}
		if v > 0 {
			for _, f := range codes[0].Features {
				if g.r.IntN(2) == 0 {
					add(f)
				}
			}
		}
		for len(features) < g.k {
			switch x := g.r.Float64(); {
			case x < .55:
				add(a[int(float64(len(a))*x*x/.3025)])
			case x < .8:
				add(b[g.r.IntN(len(b))])
			default:
				add(g.popular())
			}
		}
		slices.Sort(features)
		codes[v] = Code{features, make([]float32, g.k)}
		for i := range features {
			codes[v].Activations[i] = float32(math.Exp(.8 * g.r.NormFloat64()))
		}
	}
	return codes
}

func (g *generator) topic() []uint32 {
	x := g.r.Float64()
	return g.topics[int(x*x*float64(len(g.topics)))]
}

// A benchSet is a section and queries like its documents.
type benchSet struct {
	docs    []Document
	data    []byte
	section *Section
	queries []Terms
}

func newBenchSet(b testing.TB, n, d, k, views int) *benchSet {
	g, set := newGenerator(d, k), &benchSet{}
	builder, err := NewBuilder(benchOptions(d, views))
	if err != nil {
		b.Fatal(err)
	}
	for range n {
		doc := Document{Views: g.document(views)}
		if err := builder.Add(doc); err != nil {
			b.Fatal(err)
		}
		set.docs = append(set.docs, doc)
	}
	for range 100 {
		c := g.document(1)[0]
		set.queries = append(set.queries, Terms{c.Features, c.Activations})
	}
	var out bytes.Buffer
	if _, err := builder.WriteTo(&out); err != nil {
		b.Fatal(err)
	}
	set.data = out.Bytes()
	if set.section, err = Open(set.data); err != nil {
		b.Fatal(err)
	}
	return set
}

func benchOptions(d, views int) Options {
	return Options{Features: d, Views: []string{"original", "qa", "summary", "purpose"}[:views]}
}

// bench100k is the set of most benchmarks: 100,000 documents, 64 of 16,384
// features.
var bench100k = sync.OnceValue(func() *benchSet { return newBenchSet(&testing.B{}, 100_000, 16384, 64, 1) })

func BenchmarkDot(b *testing.B) {
	set := bench100k()
	for i := 0; b.Loop(); i++ {
		if _, err := set.section.Dot(context.Background(), 0, set.queries[i%100], Search{K: 10}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOverlap(b *testing.B) {
	set := bench100k()
	for i := 0; b.Loop(); i++ {
		if _, err := set.section.Overlap(context.Background(), 0, set.queries[i%100].Features, 1, Search{K: 10}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFacets(b *testing.B) {
	set := bench100k()
	documents := roaring.New()
	for doc := uint32(0); doc < 100_000; doc += 10 {
		documents.Add(doc)
	}
	for b.Loop() {
		if _, err := set.section.Facets(context.Background(), 0, documents); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	set := bench100k()
	for i := 0; b.Loop(); i++ {
		if _, err := set.section.All(0, set.queries[i%100].Features[:2]...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	set := bench100k()
	for b.Loop() {
		builder, err := NewBuilder(benchOptions(16384, 1))
		if err != nil {
			b.Fatal(err)
		}
		for _, doc := range set.docs {
			if err := builder.Add(doc); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := builder.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(set.docs))/b.Elapsed().Seconds(), "documents/s")
}

func BenchmarkMerge(b *testing.B) {
	set := bench100k()
	inputs := []Input{{Section: set.section}, {Section: set.section}}
	for b.Loop() {
		if _, err := Merge(io.Discard, inputs, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*2*len(set.docs))/b.Elapsed().Seconds(), "documents/s")
}

func BenchmarkValidate(b *testing.B) {
	set := bench100k()
	for b.Loop() {
		if err := set.section.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDense(b *testing.B) {
	const n, dim = 20_000, 384
	r := rand.New(rand.NewPCG(5, 6))
	builder, err := NewBuilder(Options{Features: 16, Views: []string{"original"}, Dim: dim})
	if err != nil {
		b.Fatal(err)
	}
	for range n {
		if err := builder.Add(Document{Views: []Code{{}}, Sum: randomVector(r, dim)}); err != nil {
			b.Fatal(err)
		}
	}
	var out bytes.Buffer
	if _, err := builder.WriteTo(&out); err != nil {
		b.Fatal(err)
	}
	s, err := Open(out.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Dense(context.Background(), Sum, randomVector(r, dim), Union, Terms{}, Search{K: 10}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*n), "ns/vector")
}
