package featureindex

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// randomPieces returns pieces of all lengths up to a few vectors, and some long
// ones.
func randomPieces(r *rand.Rand) []piece {
	pieces := make([]piece, 1+r.IntN(20))
	for i := range pieces {
		n := r.IntN(70)
		if r.IntN(4) == 0 {
			n = r.IntN(5000)
		}
		p := piece{weight: uint64(r.IntN(1 << 16))}
		for range n {
			p.docs = append(p.docs, uint16(r.IntN(1<<16)))
			p.impacts = append(p.impacts, uint8(r.IntN(256)))
		}
		pieces[i] = p
	}
	return pieces
}

func TestScatterIsGeneric(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		pieces := randomPieces(r)
		var got, want [span]uint16
		scatter(&got, pieces)
		scatterGeneric(&want, pieces)
		if got != want {
			t.Fatal("scatter differs from its generic form")
		}
	}
}

func TestTallyIsGeneric(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for range 50 {
		pieces := randomPieces(r)
		var got, want [span]uint8
		tally(&got, pieces)
		tallyGeneric(&want, pieces)
		if got != want {
			t.Fatal("tally differs from its generic form")
		}
	}
}

func testScan[T uint8 | uint16](t *testing.T, scan func([]T, T, T, []uint32) int) {
	r := rand.New(rand.NewPCG(3, 1))
	for round := range 200 {
		n := 64 * (1 + r.IntN(20))
		a := make([]T, n)
		for i := range a {
			a[i] = T(r.Uint32())
			if round%2 == 0 && r.IntN(10) > 0 {
				a[i] = 0
			}
		}
		b := slices.Clone(a)
		limit, fill := T(r.Uint32()), T(r.Uint32())
		if round%10 == 0 {
			limit = ^T(0)
		}
		got, want := make([]uint32, n), make([]uint32, n)
		g, w := scan(a, limit, fill, got), scanGeneric(b, limit, fill, want)
		if g != w || !slices.Equal(got, want) || !slices.Equal(a, b) {
			t.Fatalf("round %d: scan differs from its generic form", round)
		}
	}
}

func TestScanIsGeneric(t *testing.T) {
	testScan(t, scan8)
	testScan(t, scan16)
}

func TestDotRowsIsGeneric(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for range 200 {
		n, rows := 32*(1+r.IntN(40)), r.IntN(5)
		q, data := make([]int16, n), make([]int8, n*rows)
		for i := range q {
			q[i] = int16(r.IntN(2001) - 1000)
		}
		for i := range data {
			data[i] = int8(r.IntN(255) - 127)
		}
		got, want := make([]int32, rows), make([]int32, rows)
		dotRows(q, data, got)
		dotRowsGeneric(q, data, want)
		if !slices.Equal(got, want) {
			t.Fatalf("%d, want %d", got, want)
		}
	}
}
