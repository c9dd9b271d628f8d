package plugin

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	zap "github.com/blevesearch/zapx/v17"
)

func TestHoldingWriterHoldsTheFooter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		all := make([]byte, zap.FooterSize+r.IntN(300))
		for i := range all {
			all[i] = byte(r.Uint32())
		}
		var passed bytes.Buffer
		h := &holdingWriter{w: &passed}
		for rest := all; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(100))
			if m, err := h.Write(rest[:n]); m != n || err != nil {
				t.Fatal(m, err)
			}
			rest = rest[n:]
		}
		at := len(all) - zap.FooterSize
		if !bytes.Equal(passed.Bytes(), all[:at]) || !bytes.Equal(h.held, all[at:]) {
			t.Fatalf("%d bytes passed and %d held of %d", passed.Len(), len(h.held), len(all))
		}
	}
}

// failingWriter fails after some bytes.
type failingWriter struct{ left int }

var errFull = errors.New("full")

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteToPassesErrorsOn(t *testing.T) {
	s, _ := newSegment(t, rand.New(rand.NewPCG(1, 1)), 20)
	var file bytes.Buffer
	n, err := s.WriteTo(&file)
	if err != nil || n != int64(file.Len()) {
		t.Fatal(n, file.Len(), err)
	}
	for left := 0; left < file.Len(); left += 97 {
		if _, err := s.WriteTo(&failingWriter{left}); !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: %v", left, err)
		}
	}
	if _, err := s.WriteTo(&failingWriter{file.Len()}); err != nil {
		t.Fatal(err)
	}
}

func TestTrailerFindsTheSection(t *testing.T) {
	var file bytes.Buffer
	sum := &sumWriter{w: &file}
	if _, err := sum.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	err := writeGraft(sum, make([]byte, zap.FooterSize), 3, func(w io.Writer) (int64, error) {
		n, err := w.Write([]byte("section"))
		return int64(n), err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := parseTrailer(file.Bytes())
	if err != nil || got.offset != 128 || got.length != 7 || got.lost != 3 {
		t.Fatalf("%+v: %v", got, err)
	}
	for i := range file.Len() {
		if _, _, err := parseTrailer(file.Bytes()[:i]); err == nil {
			t.Fatalf("a trailer in the first %d bytes", i)
		}
	}
	if err := writeGraft(sum, bytes.Repeat([]byte{1}, zap.FooterSize), 0, nil); !errors.Is(err, ErrWriterHook) {
		t.Fatal(err)
	}
}
