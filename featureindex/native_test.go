package featureindex

import (
	"bytes"
	"testing"
)

// A machine of the other byte order, or one that cannot use the arrays where
// they lie, writes the same bytes and gives the same answers.
func TestOtherByteOrder(t *testing.T) {
	data := small(t, smallShapes[0])
	s, err := Open(data)
	if err != nil {
		t.Fatal(err)
	}
	want := answers(s)
	littleEndian = !littleEndian
	defer func() { littleEndian = !littleEndian }()
	if !littleEndian && !bytes.Equal(small(t, smallShapes[0]), data) {
		t.Fatal("other bytes")
	}
	if littleEndian {
		t.Skip("a big-endian machine cannot act as the other kind")
	}
	if s, err = Open(data); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil || answers(s) != want {
		t.Fatalf("other answers: %v", err)
	}
}
