package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// panel is the number of columns of a packed panel.
const panel = 32

// tile writes a kernel that multiplies rows of a by columns of one panel. Each
// element is one chain of fused multiply-adds over k in order, so that every
// shape and vector width gives the same bits.
func tile(level string, rows, columns int, vector func() VecVirtual, width int) {
	name := fmt.Sprintf("tile%s%dx%d", level, rows, columns)
	TEXT(name, NOSPLIT, "func(k int, a *float32, lda int, w, bias, c *float32, ldc int)")
	Doc(fmt.Sprintf("%s sets c[i][j] = Σ_p a[i][p]·w[p][j] + bias[j] for %d rows i and %d columns j. a and c have rows of", name, rows, columns),
		fmt.Sprintf("lda and ldc bytes, w has rows of %d numbers; k is at least 1.", panel))
	k, lda, ldc := Load(Param("k"), GP64()), Load(Param("lda"), GP64()), Load(Param("ldc"), GP64())
	a, w, c := Load(Param("a"), GP64()), Load(Param("w"), GP64()), Load(Param("c"), GP64())
	bias := Load(Param("bias"), GP64())
	per := columns / width
	sums := make([][]VecVirtual, rows)
	for i := range sums {
		for range per {
			s := vector()
			zero(s, width == 16)
			sums[i] = append(sums[i], s)
		}
	}
	as := newRows(a, lda, rows)
	// Many rows leave time to ask for the panel that comes next; with few rows
	// the panels come as fast as memory gives them anyway.
	ahead := rows > 4
	next := GP64()
	if ahead {
		MOVQ(k, next)
		SHLQ(U8(7), next)
		ADDQ(w, next)
	}
	size := width * 4
	ws := make([]VecVirtual, per)
	for j := range ws {
		ws[j] = vector()
	}
	x := vector()
	step := func(p int) {
		for j := range ws {
			VMOVUPS(Mem{Base: w, Disp: p*panel*4 + j*size}, ws[j])
		}
		for line := 0; ahead && line < columns*4; line += 64 {
			PREFETCHT1(Mem{Base: next, Disp: p*panel*4 + line})
		}
		for i := range rows {
			VBROADCASTSS(as.at(i).Offset(p*4), x)
			for j := range ws {
				VFMADD231PS(ws[j], x, sums[i][j])
			}
		}
	}
	advance := func(steps int) {
		ADDQ(U32(uint32(steps*panel*4)), w)
		if ahead {
			ADDQ(U32(uint32(steps*panel*4)), next)
		}
		for _, base := range as.bases {
			ADDQ(U32(uint32(steps*4)), base)
		}
	}
	const unroll = 4
	Label("four")
	CMPQ(k, U32(unroll))
	JL(LabelRef("one"))
	for p := range unroll {
		step(p)
	}
	advance(unroll)
	SUBQ(U32(unroll), k)
	JMP(LabelRef("four"))
	Label("one")
	TESTQ(k, k)
	JZ(LabelRef("store"))
	step(0)
	advance(1)
	DECQ(k)
	JMP(LabelRef("one"))
	Label("store")
	for j := range ws {
		VMOVUPS(Mem{Base: bias, Disp: j * size}, ws[j])
	}
	for i := range rows {
		for j := range ws {
			VADDPS(ws[j], sums[i][j], sums[i][j])
			VMOVUPS(sums[i][j], Mem{Base: c, Disp: j * size})
		}
		if i+1 < rows {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// zero clears a register.
func zero(v VecVirtual, wide bool) {
	if wide {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// rows are the addresses of rows that lie a number of bytes apart.
type rows struct {
	bases []Register // one for every five rows
	ld    Register
	three Register // three times ld
}

// newRows returns the addresses of n rows from base on. x86 addresses reach a
// base plus 0, 1, 2 or 4 times a register, and a second register holds three
// times it.
func newRows(base, ld Register, n int) rows {
	r := rows{bases: []Register{base}, ld: ld}
	if n > 3 {
		three := GP64()
		LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, three)
		r.three = three
	}
	for first := 5; first < n; first += 5 {
		next := GP64()
		LEAQ(Mem{Base: r.bases[len(r.bases)-1], Index: ld, Scale: 4}, next)
		ADDQ(ld, next)
		r.bases = append(r.bases, next)
	}
	return r
}

// at returns the address of row i.
func (r rows) at(i int) Mem {
	m := Mem{Base: r.bases[i/5]}
	switch i % 5 {
	case 1, 2, 4:
		m.Index, m.Scale = r.ld, uint8(i%5)
	case 3:
		m.Index, m.Scale = r.three, 1
	}
	return m
}
