package featureindex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// answers asks a section everything it can be asked, and returns the answers as
// text.
func answers(s *Section) string {
	var out bytes.Buffer
	ctx := context.Background()
	fmt.Fprintln(&out, s.Len(), s.Options())
	for doc := range min(s.Len(), 50) {
		fmt.Fprintln(&out, s.Vector(Embedding, doc), s.Vector(Sum, doc), s.ActiveIn(doc, 3))
	}
	for v := Union; int(v) < len(s.o.Views); v++ {
		for doc := range min(s.Len(), 50) {
			fmt.Fprintln(&out, s.Code(v, doc))
		}
		features := []uint32{0, 1, 2, 3, 5, 8, 13, 21}
		weights := []float32{1, 2, .5, 1, -1, 3, 1, 1}
		for _, search := range []Search{{K: 3}, {K: 100}} {
			hits, err := s.Dot(ctx, v, Terms{features[:4], weights[:4]}, search)
			fmt.Fprintln(&out, hits, err)
			hits, err = s.Dot(ctx, v, Terms{features, weights}, search)
			fmt.Fprintln(&out, hits, err)
			hits, err = s.Overlap(ctx, v, features, 2, search)
			fmt.Fprintln(&out, hits, err)
		}
		all, err := s.All(v, 1, 2)
		fmt.Fprintln(&out, all, err)
		none, err := s.Not(v, 1, 2)
		fmt.Fprintln(&out, none, err)
		counts, err := s.Facets(ctx, v, none)
		fmt.Fprintln(&out, counts[:min(len(counts), 100)], err)
	}
	return out.String()
}

// checkDamaged opens damaged bytes and asks for everything: an error at opening
// or at validating, or the answers wanted, where any are; never a panic.
func checkDamaged(t *testing.T, what string, data []byte, want string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s: panic: %v", what, p)
		}
	}()
	var c *CorruptionError
	s, err := Open(data)
	if err != nil {
		if !errors.As(err, &c) {
			t.Fatalf("%s: %T: %v", what, err, err)
		}
		return
	}
	got := answers(s)
	if err := s.Validate(); err != nil {
		if !errors.As(err, &c) {
			t.Fatalf("%s: %T: %v", what, err, err)
		}
		return
	}
	if want != "" && got != want {
		t.Fatalf("%s: valid, and other answers", what)
	}
}

// small returns a small section with everything in it.
func small(t testing.TB, sh shape) []byte {
	return randomCorpus(rand.New(rand.NewPCG(7, 7)), sh).bytes(t)
}

var smallShapes = []shape{
	{n: 7, features: 30, views: 2, k: 6, dim: 3},
	{n: 3, features: 1<<16 + 1, views: 1, k: 20, half: true},
}

// Every flip of a bit of a section is found, or changes nothing.
func TestFlips(t *testing.T) {
	for _, sh := range smallShapes {
		data := small(t, sh)
		s, err := Open(data)
		if err != nil {
			t.Fatal(err)
		}
		want := answers(s)
		for at := range data {
			for bit := range 8 {
				if testing.Short() && bit != at%8 {
					continue
				}
				damaged := bytes.Clone(data)
				damaged[at] ^= 1 << bit
				checkDamaged(t, fmt.Sprintf("byte %d bit %d", at, bit), damaged, want)
			}
		}
	}
}

// Every flip is safe, too, when the checksums agree with it. The answers may be
// others: a header that names more features is a sound one.
func TestFlipsBehindChecksums(t *testing.T) {
	for _, sh := range smallShapes {
		data := small(t, sh)
		for at := range data {
			for i, x := range []byte{1, 0x80, 0xff} {
				if testing.Short() && i != at%3 {
					continue
				}
				damaged := bytes.Clone(data)
				damaged[at] ^= x
				checkDamaged(t, fmt.Sprintf("byte %d xor %d", at, x), reseal(damaged), "")
			}
		}
	}
}

// reseal puts in the checksums that the bytes of a section ask for.
func reseal(data []byte) []byte {
	s, err := Open(data)
	if err == nil {
		parts := append([]part(nil), s.parts...)
		return seal(data, parts)
	}
	end := uint64(len(data) - trailerSize)
	t := trailer{length: uint64(len(data)), write: writeVersion, readMin: readMinVersion}
	for i := 0; i < 8; i++ {
		t.directory |= uint64(data[end+uint64(i)]) << (8 * i)
	}
	if t.directory >= end || (end-t.directory)%directorySize != 0 {
		return data
	}
	parts, err := parseDirectory(data[t.directory:end], t.directory)
	if err != nil {
		return data
	}
	return seal(data, parts)
}

// seal writes directory and trailer anew.
func seal(data []byte, parts []part) []byte {
	end := len(data) - trailerSize
	out := bytes.Clone(data[:end-len(parts)*directorySize])
	w := partWriter{w: &bytes.Buffer{}, parts: parts, written: int64(len(out))}
	for i := range parts {
		p := &parts[i]
		if p.offset+p.length <= uint64(len(out)) {
			p.crc = checksum(out[p.offset : p.offset+p.length])
		}
	}
	w.finish()
	return append(out, w.w.(*bytes.Buffer).Bytes()...)
}

// Every prefix of a section is refused.
func TestTruncations(t *testing.T) {
	data := small(t, smallShapes[0])
	for n := range data {
		if _, err := Open(data[:n]); err == nil {
			t.Fatalf("%d bytes of %d are a section", n, len(data))
		}
		if _, err := Open(data[n:]); err == nil && n > 0 {
			t.Fatalf("a section without its first %d bytes is one", n)
		}
	}
}

// Arrays may lie at any address.
func TestUnaligned(t *testing.T) {
	data := small(t, smallShapes[0])
	s, err := Open(data)
	if err != nil {
		t.Fatal(err)
	}
	want := answers(s)
	for shift := range 8 {
		moved := append(make([]byte, shift, shift+len(data)), data...)[shift:]
		s, err := Open(moved)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(); err != nil || answers(s) != want {
			t.Fatalf("shifted by %d: %v", shift, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(small(f, shape{n: 4, features: 20, views: 2, k: 3, dim: 2}))
	f.Add(small(f, shape{n: 3, features: 1<<16 + 1, views: 1, k: 3, half: true}))
	f.Add(small(f, shape{n: 1, features: 10, views: 3, k: 2}))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, b := range [][]byte{data, resealAny(data)} {
			s, err := Open(b)
			if err != nil || s.Len() > 1000 || s.o.Features > 1<<17 {
				continue // sound, or damaged, but too large to ask much of
			}
			answers(s)
			s.Validate()
		}
	})
}

// resealAny is reseal for bytes that may be no section.
func resealAny(data []byte) []byte {
	if len(data) < trailerSize {
		return data
	}
	return reseal(data)
}
