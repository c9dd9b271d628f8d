package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// constants are the numbers that kernels read from memory, by their bits, each
// as often as a register holds it.
var (
	constants   = map[uint32]Mem{}
	constants64 = map[uint64]Mem{}
)

func constant(x float32) Mem {
	bits := math.Float32bits(x)
	m, ok := constants[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("constant%d", len(constants)), RODATA|NOPTR)
		for i := range 16 {
			DATA(i*4, U32(bits)) // as bits: one of them is a mask
		}
		constants[bits] = m
	}
	return m
}

func constant64(x float64) Mem {
	bits := math.Float64bits(x)
	m, ok := constants64[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("double%d", len(constants64)), RODATA|NOPTR)
		for i := range 8 {
			DATA(i*8, U64(bits))
		}
		constants64[bits] = m
	}
	return m
}

// expInPlace replaces y, which is not above 0, by e^y to about a unit in the
// last place; below -87 it is e^-87. With n = round(y/ln 2) and r = y − n·ln 2
// it is 2^n times the Taylor series of e^r.
func expInPlace(y VecVirtual, vector func() VecVirtual, wide bool) {
	n, p, low := vector(), vector(), vector()
	VMOVUPS(constant(-87), low)
	VMAXPS(y, low, y) // y where either is NaN
	VMULPS(constant(math.Log2E), y, n)
	if wide {
		VRNDSCALEPS(U8(0), n, n)
	} else {
		VROUNDPS(U8(0), n, n)
	}
	VFNMADD231PS(constant(0x1.62e4p-1), n, y) // the first bits of ln 2: n times them is exact
	VFNMADD231PS(constant(0x1.7f7d1cp-20), n, y)
	VMOVUPS(constant(1./5040), p)
	for _, c := range []float32{1. / 720, 1. / 120, 1. / 24, 1. / 6, 1. / 2, 1, 1} {
		VFMADD213PS(constant(c), y, p)
	}
	VCVTPS2DQ(n, n)
	VPSLLD(U8(23), n, n)
	VPADDD(n, p, y) // adds n to the exponent of p
}

// gelu writes the activation x·Φ(x), for n that is a multiple of the width.
func gelu(level string, vector func() VecVirtual, width int) {
	TEXT("gelu"+level, NOSPLIT, "func(n int, v *float32)")
	Doc("gelu" + level + " is Gelu for n that is a multiple of 16.")
	n, v := Load(Param("n"), GP64()), Load(Param("v"), GP64())
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	x, absolute, z, t, p := vector(), vector(), vector(), vector(), vector()
	VMOVUPS(Mem{Base: v}, x)
	if width == 16 {
		VPANDD(constant(math.Float32frombits(0x7fffffff)), x, absolute)
	} else {
		VANDPS(constant(math.Float32frombits(0x7fffffff)), x, absolute)
	}
	VMULPS(constant(math.Sqrt2/2), absolute, z)
	VMOVUPS(constant(1), p)
	VMOVAPS(z, t)
	VFMADD132PS(constant(erfcP), p, t) // 1 + p·z
	VDIVPS(t, p, t)
	VMOVUPS(constant(erfc[len(erfc)-1]), p)
	for i := len(erfc) - 2; i >= 0; i-- {
		VFMADD213PS(constant(erfc[i]), t, p)
	}
	VMULPS(t, p, p)
	VMULPS(z, z, z)
	zero(t, width == 16)
	VSUBPS(z, t, z)
	expInPlace(z, vector, width == 16)
	VMULPS(z, p, p) // erfc(z)
	VMULPS(constant(0.5), absolute, absolute)
	VMAXPS(x, t, x)
	VFNMADD231PS(absolute, p, x)
	VMOVUPS(x, Mem{Base: v})
	ADDQ(U32(uint32(4*width)), v)
	SUBQ(U32(uint32(width)), n)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// The complementary error function is e^(−z²)·(a_1·t + a_2·t² + …), with
// t = 1/(1 + p·z), as in Abramowitz and Stegun 7.1.26; these coefficients were
// fitted for the least largest error, 1.1e-9 over 0 ≤ z ≤ 6.
const erfcP = 0.45

var erfc = []float32{0.25898951926596697, 0.20101053113165085, 0.46016741589713794, -0.3757980439198458, 0.8571638657960345, -0.4941026225765664, 0.09256933544492865}
