package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tanh writes the hyperbolic tangent in float64, step by step as package
// kernel's Tanh takes it, for n that is a multiple of the width.
func tanh(level string, vector func() VecVirtual, width int) {
	TEXT("tanh"+level, NOSPLIT, "func(n int, v *float64)")
	Doc("tanh" + level + " replaces each number by its Tanh, for n that is a multiple of 8.")
	n, v := Load(Param("n"), GP64()), Load(Param("v"), GP64())
	sign, end := vector(), vector()
	VMOVUPD(constant64(math.Copysign(0, -1)), sign)
	VMOVUPD(constant64(40), end)
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	x, y, k, r, t := vector(), vector(), vector(), vector(), vector()
	VMOVUPD(Mem{Base: v}, x)
	VANDNPD(x, sign, y) // |x|
	VADDPD(y, y, y)
	VMINPD(y, end, y) // y where it is NaN; beyond 40 the steps below give 1
	VMULPD(constant64(1/math.Ln2), y, k)
	if width == 8 {
		VRNDSCALEPD(U8(0), k, k)
	} else {
		VROUNDPD(U8(0), k, k)
	}
	VMOVAPD(y, r)
	VFNMADD231PD(constant64(0x1.62e42feep-1), k, r)
	VFNMADD231PD(constant64(0x1.a39ef35793c76p-33), k, r)
	VADDPD(constant64(0x1p52+1023), k, k) // the last bits of k are its exponent now
	VPSLLQ(U8(52), k, k)
	VMOVUPD(constant64(1./87178291200), t)
	for _, c := range []float64{1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320,
		1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2} {
		VFMADD213PD(constant64(c), r, t)
	}
	VMULPD(r, t, t)
	VFMADD213PD(r, r, t) // e^r − 1
	VSUBPD(constant64(1), k, y)
	VFMADD213PD(y, k, t)
	VADDPD(constant64(2), t, y)
	VDIVPD(y, t, t)
	VANDPD(x, sign, x)
	VORPD(x, t, t)
	VMOVUPD(t, Mem{Base: v})
	ADDQ(U32(uint32(8*width)), v)
	SUBQ(U32(uint32(width)), n)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}
