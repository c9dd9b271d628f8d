package featureindex

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// sizeBound is the bound of docs/format.md.
func sizeBound(s *Section) int {
	o := &s.o
	bytes := headerSize + len(o.Fingerprint) + trailerSize
	for _, name := range o.Views {
		bytes += 1 + len(name)
	}
	feature, activation := 4, 4
	if o.Features <= 1<<16 {
		feature = 2
	}
	if o.Half {
		activation = 2
	}
	st := s.Stats()
	for _, name := range o.Views {
		bytes += (feature+activation)*st.Views[name].Postings + 4*(s.n+1)
	}
	blocks := (s.n + blockSize - 1) / blockSize
	for _, l := range st.Views {
		bytes += 3*l.Postings + l.Features + 24*l.Features + min(4*l.Postings, 2*l.Features*blocks)
	}
	parts := 1 + 3*len(o.Views) + 3*len(st.Views)
	if o.Dim > 0 {
		parts += 5 * columns
		for _, m := range st.Vectors {
			bytes += 12*((s.n+63)/64) + m*(4*o.Dim+paddedDim(o.Dim)+12)
		}
	}
	return bytes + parts*(directorySize+alignment-1)
}

func TestSizeBound(t *testing.T) {
	eachShape(t, func(t *testing.T, r *rand.Rand, sh shape, c *corpus, s *Section) {
		if bound := sizeBound(s); len(s.data) > bound {
			t.Fatalf("%d bytes, bound %d", len(s.data), bound)
		}
	})
}

// A section of one document does not pay for the features of the model.
func TestSmallSectionsAreSmall(t *testing.T) {
	for _, d := range []int{100, 1 << 16, MaxFeatures} {
		sh := shape{n: 1, features: d, views: 1, k: 64}
		c := randomCorpus(rand.New(rand.NewPCG(8, 8)), sh)
		c.docs[0].Views[0] = Code{}
		for f := range uint32(64) {
			c.docs[0].Views[0].Features = append(c.docs[0].Views[0].Features, f)
			c.docs[0].Views[0].Activations = append(c.docs[0].Views[0].Activations, 1)
		}
		if n := len(c.bytes(t)); n > 3300 {
			t.Errorf("D %d: %d bytes for 64 features", d, n)
		}
	}
}

// A newer version is opened if this reader is new enough for it.
func TestVersions(t *testing.T) {
	data := small(t, smallShapes[0])
	for _, test := range []struct {
		write, readMin uint16
		want           error
	}{{1, 1, nil}, {2, 1, nil}, {2, 2, ErrVersion}, {0, 0, ErrVersion}} {
		parsed, err := parseTrailer(data)
		if err != nil {
			t.Fatal(err)
		}
		parsed.write, parsed.readMin = test.write, test.readMin
		other := appendTrailer(bytes.Clone(data[:len(data)-trailerSize]), parsed)
		if _, err := Open(other); !errors.Is(err, test.want) {
			t.Errorf("version %d for readers of %d: %v, want %v", test.write, test.readMin, err, test.want)
		}
	}
	if _, err := Open([]byte("no section at all, and long enough to have a trailer, of sixty-four bytes")); !errors.Is(err, ErrNotSection) {
		t.Errorf("text: %v", err)
	}
}
