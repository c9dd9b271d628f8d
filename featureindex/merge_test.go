package featureindex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// split cuts a corpus into sections, each with some documents marked as
// dropped, and returns them with the corpus of those kept.
func split(t testing.TB, r *rand.Rand, c *corpus, pieces int, drop bool) ([]Input, *corpus) {
	kept := &corpus{o: c.o}
	var inputs []Input
	for i, rest := 0, c.docs; i < pieces; i++ {
		n := r.IntN(len(rest) + 1)
		if i == pieces-1 {
			n = len(rest)
		}
		piece := &corpus{o: c.o, docs: rest[:n]}
		rest = rest[n:]
		in := Input{Section: piece.open(t)}
		if drop || r.IntN(2) == 0 {
			in.Map = make([]uint64, n)
		}
		for doc := range in.Map {
			in.Map[doc] = uint64(len(kept.docs))
			if drop && r.IntN(3) == 0 {
				in.Map[doc] = Dropped
				continue
			}
			kept.docs = append(kept.docs, piece.docs[doc])
		}
		if in.Map == nil {
			kept.docs = append(kept.docs, piece.docs...)
		}
		inputs = append(inputs, in)
	}
	return inputs, kept
}

// A merge of pieces is, byte for byte, the section of their documents built at
// once, and without the dropped documents as if they had never been added.
func TestMergeIsBuild(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, _ *Section) {
		for _, drop := range []bool{false, true} {
			inputs, kept := split(t, r, c, 1+r.IntN(4), drop)
			var merged bytes.Buffer
			n, err := Merge(&merged, inputs, nil)
			if err != nil || n != int64(merged.Len()) {
				t.Fatal(n, merged.Len(), err)
			}
			if !bytes.Equal(merged.Bytes(), kept.bytes(t)) {
				t.Fatalf("drop %v: a merge of %d sections differs from a build", drop, len(inputs))
			}
		}
	})
}

func TestMergeRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sh := shape{n: 20, features: 30, views: 2, k: 4}
	a := randomCorpus(r, sh).open(t)
	other := sh
	other.features++
	b := randomCorpus(r, other).open(t)
	swapped := make([]uint64, a.Len())
	for i := range swapped {
		swapped[i] = uint64(i ^ 1)
	}
	for name, test := range map[string]struct {
		inputs []Input
		want   error
	}{
		"nothing":       {nil, ErrMismatch},
		"other options": {[]Input{{Section: a}, {Section: b}}, ErrMismatch},
		"swapped":       {[]Input{{Section: a, Map: swapped}}, ErrMap},
		"short":         {[]Input{{Section: a, Map: swapped[:3]}}, ErrMap},
	} {
		if _, err := Merge(&bytes.Buffer{}, test.inputs, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	closed := make(chan struct{})
	close(closed)
	if _, err := Merge(&bytes.Buffer{}, []Input{{Section: a}}, closed); !errors.Is(err, ErrCanceled) {
		t.Errorf("canceled: %v", err)
	}
	full := errors.New("full")
	if _, err := Merge(failingWriter{full}, []Input{{Section: a}}, nil); !errors.Is(err, full) {
		t.Errorf("failing writer: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// The order in which documents are added changes nothing but their numbers.
func TestOrderChangesOnlyNumbers(t *testing.T) {
	ctx := context.Background()
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		order := r.Perm(sh.n)
		shuffled := &corpus{o: c.o}
		for _, doc := range order {
			shuffled.docs = append(shuffled.docs, c.docs[doc])
		}
		other := shuffled.open(t)
		for range 5 {
			v, q := View(r.IntN(sh.views+1)-1), randomTerms(r, sh, false)
			a, err1 := s.Dot(ctx, v, q, Search{K: sh.n})
			b, err2 := other.Dot(ctx, v, q, Search{K: sh.n})
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			for i := range b {
				b[i].Document = uint32(order[b[i].Document])
			}
			slices.SortFunc(b, Hit.compare)
			sameHits(t, "shuffled", b, a)
		}
	})
}

// The count of a facet is the number of documents that its filter leaves.
func TestFacetIsFilter(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		v, documents := View(r.IntN(sh.views+1)-1), randomBitmap(r, sh.n)
		counts, err := s.Facets(context.Background(), v, documents)
		if err != nil {
			t.Fatal(err)
		}
		for f, df := range s.Features(v) {
			bitmap := s.Bitmap(v, f)
			if int(bitmap.GetCardinality()) != df || s.DocumentFrequency(v, f) != df {
				t.Fatalf("feature %d: bitmap of %d, frequency %d", f, bitmap.GetCardinality(), df)
			}
			if got := roaring.And(bitmap, documents).GetCardinality(); uint64(counts[f]) != got {
				t.Fatalf("feature %d: counted %d, filter leaves %d", f, counts[f], got)
			}
		}
	})
}

// Impacts bound activations from above, and by less than a scale.
func TestImpactsBoundActivations(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		for v := Union; int(v) < sh.views; v++ {
			for f := range s.Features(v) {
				scale := float64(s.Scale(v, f))
				for doc, impact := range s.Postings(v, f) {
					sum := 0.0
					for _, code := range c.codes(v, int(doc)) {
						if i, ok := slices.BinarySearch(code.Features, f); ok {
							sum += float64(code.Activations[i])
						}
					}
					if bound := float64(impact) * scale; bound < sum || bound-scale >= sum || sum == 0 {
						t.Fatalf("view %d feature %d document %d: impact %d × %v for %v", v, f, doc, impact, scale, sum)
					}
				}
			}
		}
	})
}

// Threads change nothing.
func TestThreadsChangeNothing(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		for range 5 {
			v, q, search := View(r.IntN(sh.views+1)-1), randomTerms(r, sh, r.IntN(2) == 0), randomSearch(r, sh.n)
			var dots, overlaps [][]Hit
			for _, search.Threads = range []int{0, 1, 2, 5} {
				a, err1 := s.Dot(context.Background(), v, q, search)
				b, err2 := s.Overlap(context.Background(), v, q.Features, 0, search)
				if err1 != nil || err2 != nil {
					t.Fatal(err1, err2)
				}
				dots, overlaps = append(dots, a), append(overlaps, b)
			}
			for i := range dots {
				sameHits(t, fmt.Sprint("dot by threads ", i), dots[i], dots[0])
				sameHits(t, fmt.Sprint("overlap by threads ", i), overlaps[i], overlaps[0])
			}
		}
	})
}

// Codes that do not agree with the entries are an error, not a wrong section.
func TestMergeOfCodesThatAreNotListed(t *testing.T) {
	c := &corpus{o: Options{Features: 300, Views: []string{"original"}}}
	for doc := range 20 {
		code := Code{Features: []uint32{uint32(doc % 3), 100, 200}, Activations: []float32{1, 2, 3}}
		c.docs = append(c.docs, Document{Views: []Code{code}})
	}
	for name, change := range map[string]func(features []byte){
		"a feature of another list": func(features []byte) { features[2] = 101 }, // document 0: 100 becomes 101, which no document has
		"a list too short":          func(features []byte) { features[0] = 1 },   // 0 becomes 1
	} {
		s := c.open(t)
		data := slices.Clone(s.data)
		for _, p := range s.parts {
			if p.kind == kindFeatures {
				change(data[p.offset:])
			}
		}
		damaged, err := Open(data)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		var corruption *CorruptionError
		if _, err := Merge(&out, []Input{{Section: damaged}}, nil); !errors.As(err, &corruption) {
			t.Errorf("%s: %v", name, err)
		}
		if err := damaged.Validate(); !errors.As(err, &corruption) {
			t.Errorf("%s: validated: %v", name, err)
		}
	}
}
