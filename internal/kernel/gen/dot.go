package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lanes is the number of partial sums of an inner product.
const lanes = 32

// dot writes the float64 inner product in the order that package kernel
// states: 32 lanes, then the upper half added to the lower, five times. Wider
// registers make it no faster: the conversions take the time.
func dot() {
	TEXT("dotAVX2", NOSPLIT, "func(n int, x, w *float32) float64")
	Doc("dotAVX2 is Dot for n that is a multiple of 32.")
	dotBody(4, VCVTPS2PD, nil)
}

// dotAhead writes dot for an x that was widened, and asks for the row that
// comes next.
func dotAhead() {
	TEXT("dotAheadAVX2", NOSPLIT, "func(n int, x *float64, w, next *float32) float64")
	Doc("dotAheadAVX2 is Dot of a widened x for n that is a multiple of 32; it prefetches the n numbers at next.")
	dotBody(8, VMOVUPD, Load(Param("next"), GP64()))
}

func dotBody(size int, load func(...Op), next Register) {
	const width = 4
	n, x, w := Load(Param("n"), GP64()), Load(Param("x"), GP64()), Load(Param("w"), GP64())
	sums := make([]VecVirtual, lanes/width)
	for i := range sums {
		sums[i] = YMM()
		zero(sums[i], false)
	}
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("reduce"))
	for i := range sums {
		xs, ws := YMM(), YMM()
		load(Mem{Base: x, Disp: i * width * size}, xs)
		VCVTPS2PD(Mem{Base: w, Disp: i * width * 4}, ws)
		VFMADD231PD(ws, xs, sums[i])
	}
	if next != nil {
		PREFETCHT0(Mem{Base: next})
		PREFETCHT0(Mem{Base: next, Disp: 64})
		ADDQ(U32(lanes*4), next)
	}
	ADDQ(U32(uint32(lanes*size)), x)
	ADDQ(U32(lanes*4), w)
	SUBQ(U32(lanes), n)
	JMP(LabelRef("loop"))
	Label("reduce")
	for half := len(sums) / 2; half > 0; half /= 2 {
		for i := range half {
			VADDPD(sums[i+half], sums[i], sums[i])
		}
	}
	Store(fold(sums[0], width), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// fold adds the upper half of a register to the lower until one sum is left.
func fold(sum VecVirtual, width int) VecVirtual {
	high, low := XMM(), sum.AsX().(VecVirtual)
	if width == 8 {
		upper := YMM()
		VEXTRACTF64X4(U8(1), sum, upper)
		VADDPD(upper, sum.AsY(), sum.AsY())
		VEXTRACTF64X2(U8(1), sum.AsY(), high)
	} else {
		VEXTRACTF128(U8(1), sum.AsY(), high)
	}
	VADDPD(high, low, low)
	VUNPCKHPD(low, low, high)
	VADDSD(high, low, low)
	return low
}

// dots writes the inner products of xs rows with ws rows: a register holds as
// many of the 32 lanes as it can of one product, and the products run through
// their rows once for each such part of the lanes.
func dots(level string, xs, ws int, vector func() VecVirtual, width int) {
	name := fmt.Sprintf("dots%s%dx%d", level, xs, ws)
	TEXT(name, 0, "func(n int, x *float64, ldx int, w *float32, ldw int, dst *float64, ldd int)")
	Doc(fmt.Sprintf("%s sets dst[i][j] to Dot of row i of x and row j of w, for %d rows of x and %d of w. The rows are ldx, ldw", name, xs, ws),
		"and ldd bytes apart; n is a positive multiple of 32.")
	d := dotTile{level: level, width: width, n: Load(Param("n"), GP64())}
	x, ldx := Load(Param("x"), GP64()), Load(Param("ldx"), GP64())
	w, ldw := Load(Param("w"), GP64()), Load(Param("ldw"), GP64())
	d.x, d.w = newRows(x, ldx, xs), newRows(w, ldw, ws)
	d.left = GP64()
	next := GP64()
	MOVQ(w, next)
	for range ws {
		ADDQ(ldw, next)
	}
	d.next = rows{bases: []Register{next}, ld: ldw, three: d.w.three}
	for range xs * ws {
		d.sums = append(d.sums, vector())
	}
	for range ws {
		d.ws = append(d.ws, vector())
	}
	d.xs = vector()
	for parts := lanes / width; parts > 1; parts /= 2 {
		d.stored = append(d.stored, AllocLocal(xs*ws*width*8))
	}
	d.sum(0, 1)
	dst, ldd := Load(Param("dst"), GP64()), Load(Param("ldd"), GP64())
	for i := range xs {
		for j := range ws {
			VMOVSD(fold(d.sums[i*ws+j], width), Mem{Base: dst, Disp: 8 * j})
		}
		if i+1 < xs {
			ADDQ(ldd, dst)
		}
	}
	VZEROUPPER()
	RET()
}

// A dotTile is a dots kernel being written.
type dotTile struct {
	level   string
	width   int
	n, left Register
	x, w    rows
	next    rows         // of w
	sums    []VecVirtual // [rows of x, rows of w]
	xs      VecVirtual
	ws      []VecVirtual
	stored  []Mem // sums put away, for each level of sum
}

// sum writes code for the sum of the parts first, first+stride, first+2·stride,
// … of the lanes: the lower half of these parts plus the upper half, and so on.
func (d *dotTile) sum(first, stride int) {
	if stride*d.width == lanes {
		d.part(first)
		return
	}
	stored := d.stored[0]
	d.stored = d.stored[1:]
	d.sum(first+stride, 2*stride)
	for i, s := range d.sums {
		VMOVUPD(s, stored.Offset(i*d.width*8))
	}
	d.sum(first, 2*stride)
	for i, s := range d.sums {
		VADDPD(stored.Offset(i*d.width*8), s, s)
	}
	d.stored = append([]Mem{stored}, d.stored...)
}

// part writes code for one part of the lanes.
func (d *dotTile) part(p int) {
	label := fmt.Sprintf("part%d", p)
	for _, s := range d.sums {
		zero(s, d.width == 8)
	}
	MOVQ(d.n, d.left)
	Label(label)
	for j, w := range d.ws {
		VCVTPS2PD(d.w.at(j).Offset(p*d.width*4), w)
	}
	if p == 0 { // the rows of w that come next
		for j := range d.ws {
			PREFETCHT1(d.next.at(j))
		}
	}
	for i := range len(d.sums) / len(d.ws) {
		VMOVUPD(d.x.at(i).Offset(p*d.width*8), d.xs)
		for j, w := range d.ws {
			VFMADD231PD(w, d.xs, d.sums[i*len(d.ws)+j])
		}
	}
	for _, base := range d.x.bases {
		ADDQ(U32(lanes*8), base)
	}
	for _, base := range append(d.w.bases, d.next.bases...) {
		ADDQ(U32(lanes*4), base)
	}
	SUBQ(U32(lanes), d.left)
	JNZ(LabelRef(label))
	MOVQ(d.n, d.left) // back to the rows' beginning
	SHLQ(U8(2), d.left)
	for _, base := range append(d.w.bases, d.next.bases...) {
		SUBQ(d.left, base)
	}
	SHLQ(U8(1), d.left)
	for _, base := range d.x.bases {
		SUBQ(d.left, base)
	}
}
