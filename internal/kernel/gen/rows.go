package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A lane16 is sixteen float32 side by side: one register of AVX-512, two of
// AVX2. What is done with them gives the same bits in both.
type lane16 []VecVirtual

func newLane16(vector func() VecVirtual, width int) lane16 {
	l := make(lane16, 16/width)
	for i := range l {
		l[i] = vector()
	}
	return l
}

// load sets all from the address m.
func (l lane16) load(m Mem) {
	for i, v := range l {
		VMOVUPS(m.Offset(i*64/len(l)), v)
	}
}

// store writes all to the address m.
func (l lane16) store(m Mem) {
	for i, v := range l {
		VMOVUPS(v, m.Offset(i*64/len(l)))
	}
}

// memory does an operation with the numbers at m: l = op(m, l).
func (l lane16) memory(op func(...Op), m Mem) {
	for i, v := range l {
		op(m.Offset(i*64/len(l)), v, v)
	}
}

// fold joins the upper half of the sixteen with the lower until one is left,
// and spreads that over a register.
func (l lane16) fold(op func(...Op)) VecVirtual {
	all := l[0]
	if len(l) == 1 {
		upper := YMM()
		VEXTRACTF32X8(U8(1), all, upper)
		op(upper, all.AsY(), all.AsY())
	} else {
		op(l[1], all, all)
	}
	high, low := XMM(), all.AsX()
	VEXTRACTF128(U8(1), all.AsY(), high)
	op(high, low, low)
	VMOVHLPS(low, low, high)
	op(high, low, low)
	VMOVSHDUP(low, high)
	op(high, low, low)
	VBROADCASTSS(low, all)
	return all
}

// softmax writes the weights of attention, for n that is a multiple of 16.
func softmax(level string, vector func() VecVirtual, width int) {
	TEXT("softmax"+level, NOSPLIT, "func(n int, v *float32, scale float32)")
	Doc("softmax" + level + " is Softmax for n that is a positive multiple of 16.")
	n, v := Load(Param("n"), GP64()), Load(Param("v"), GP64())
	scale, first := vector(), XMM()
	Load(Param("scale"), first)
	VBROADCASTSS(first, scale)
	at, end := Mem{Base: v}, GP64()
	MOVQ(n, end)
	NEGQ(end) // from here on v is beyond the row, and an index runs from −n to 0
	LEAQ(Mem{Base: v, Index: n, Scale: 4}, v)
	i := GP64()
	at.Index, at.Scale = i, 4
	pass := func(label string, do func()) {
		MOVQ(end, i)
		Label(label)
		do()
		ADDQ(U32(16), i)
		JNZ(LabelRef(label))
	}
	tops := newLane16(vector, width)
	first16 := Mem{Base: v, Index: end, Scale: 4}
	tops.load(first16)
	pass("largest", func() { tops.memory(VMAXPS, at) })
	top := tops.fold(VMAXPS)
	sums := newLane16(vector, width)
	for _, s := range sums {
		zero(s, width == 16)
	}
	pass("exponentials", func() {
		ys := newLane16(vector, width)
		ys.load(at)
		for k, y := range ys {
			VSUBPS(top, y, y)
			VMULPS(scale, y, y)
			expInPlace(y, vector, width == 16)
			VADDPS(y, sums[k], sums[k])
		}
		ys.store(at)
	})
	sum, one := sums.fold(VADDPS), vector()
	VMOVUPS(constant(1), one)
	VDIVPS(sum, one, one)
	pass("weights", func() {
		ys := newLane16(vector, width)
		for _, y := range ys {
			VMOVAPS(one, y)
		}
		ys.memory(VMULPS, at)
		ys.store(at)
	})
	VZEROUPPER()
	RET()
}

// addNorm writes the sum of two rows and its layer norm, for n that is a
// multiple of 16.
func addNorm(level string, vector func() VecVirtual, width int) {
	TEXT("addNorm"+level, NOSPLIT, "func(n int, dst, v, weight, bias *float32, epsilon float32)")
	Doc("addNorm" + level + " is AddNorm for n that is a positive multiple of 16.")
	n := Load(Param("n"), GP64())
	load := func(name string) Mem {
		base := GP64()
		Load(Param(name), base)
		LEAQ(Mem{Base: base, Index: n, Scale: 4}, base)
		return Mem{Base: base, Scale: 4}
	}
	dst, v, weight, bias := load("dst"), load("v"), load("weight"), load("bias")
	end, i := GP64(), GP64()
	MOVQ(n, end)
	NEGQ(end)
	dst.Index, v.Index, weight.Index, bias.Index = i, i, i, i
	pass := func(label string, do func()) {
		MOVQ(end, i)
		Label(label)
		do()
		ADDQ(U32(16), i)
		JNZ(LabelRef(label))
	}
	count := vector()
	x := XMM()
	VXORPS(x, x, x)
	VCVTSI2SSQ(n, x, x)
	VBROADCASTSS(x, count)

	sums := newLane16(vector, width)
	for _, s := range sums {
		zero(s, width == 16)
	}
	pass("sum", func() {
		xs := newLane16(vector, width)
		xs.load(dst)
		xs.memory(VADDPS, v)
		xs.store(dst)
		for k, x := range xs {
			VADDPS(x, sums[k], sums[k])
		}
	})
	mean := sums.fold(VADDPS)
	VDIVPS(count, mean, mean)
	squares := newLane16(vector, width)
	for _, s := range squares {
		zero(s, width == 16)
	}
	pass("squares", func() {
		xs := newLane16(vector, width)
		xs.load(dst)
		for k, x := range xs {
			VSUBPS(mean, x, x)
			VFMADD231PS(x, x, squares[k])
		}
	})
	deviation, one, epsilon := squares.fold(VADDPS), vector(), vector()
	VDIVPS(count, deviation, deviation)
	first := XMM()
	Load(Param("epsilon"), first)
	VBROADCASTSS(first, epsilon)
	VADDPS(epsilon, deviation, deviation)
	VSQRTPS(deviation, deviation)
	VMOVUPS(constant(1), one)
	VDIVPS(deviation, one, one)
	pass("scale", func() {
		xs, ws := newLane16(vector, width), newLane16(vector, width)
		xs.load(dst)
		ws.load(weight)
		for k, x := range xs {
			VSUBPS(mean, x, x)
			VMULPS(one, x, x)
			VMULPS(ws[k], x, x)
		}
		xs.memory(VADDPS, bias)
		xs.store(dst)
	})
	VZEROUPPER()
	RET()
}
