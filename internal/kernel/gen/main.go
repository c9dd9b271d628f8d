// Command gen writes the assembly of package kernel. It is a module of its
// own, so that avo is no dependency of Steersight:
//
//	cd internal/kernel/gen && go run . -out ../kernel_amd64.s -stubs ../kernel_amd64.go -pkg kernel
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// panel is the number of columns of a packed panel.
const panel = 32

func main() {
	ConstraintExpr("amd64")
	for _, rows := range []int{14, 8, 4, 2, 1} {
		tile("AVX512", rows, 32, ZMM, 16)
	}
	tile("AVX2", 6, 16, YMM, 8)
	tile("AVX2", 3, 32, YMM, 8)
	tile("AVX2", 1, 32, YMM, 8)
	dot("AVX512", ZMM, 8)
	dot("AVX2", YMM, 4)
	gelu("AVX512", ZMM, 16)
	gelu("AVX2", YMM, 8)
	exponential("AVX512", ZMM, 16)
	exponential("AVX2", YMM, 8)
	Generate()
}

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
	at := rowAddresses(a, lda, rows)
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
		for i := range rows {
			VBROADCASTSS(at(i).Offset(p*4), x)
			for j := range ws {
				VFMADD231PS(ws[j], x, sums[i][j])
			}
		}
	}
	advance := func(steps int) {
		ADDQ(U32(uint32(steps*panel*4)), w)
		for _, base := range bases(a, rows) {
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

// groups holds, for the kernel being written, a base register for every five
// rows: x86 addresses reach a base plus 0, 1, 2 or 4 times a register, and a
// second register holds three times it.
var groups []Register

func bases(_ Register, _ int) []Register { return groups }

// rowAddresses returns the address of each row of a.
func rowAddresses(a, lda Register, rows int) func(i int) Mem {
	groups = []Register{a}
	var three GPVirtual
	if rows > 3 {
		three = GP64()
		LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, three)
	}
	for first := 5; first < rows; first += 5 {
		next := GP64()
		LEAQ(Mem{Base: groups[len(groups)-1], Index: lda, Scale: 4}, next)
		ADDQ(lda, next)
		groups = append(groups, next)
	}
	all := groups
	return func(i int) Mem {
		m := Mem{Base: all[i/5]}
		switch i % 5 {
		case 1, 2, 4:
			m.Index, m.Scale = lda, uint8(i%5)
		case 3:
			m.Index, m.Scale = three, 1
		}
		return m
	}
}

// dot writes the float64 inner product in the order that package kernel
// states: 32 lanes, then the upper half added to the lower, five times.
func dot(level string, vector func() VecVirtual, width int) {
	name := "dot" + level
	TEXT(name, NOSPLIT, "func(n int, x, w *float32) float64")
	Doc(name + " is Dot for n that is a multiple of 32.")
	n, x, w := Load(Param("n"), GP64()), Load(Param("x"), GP64()), Load(Param("w"), GP64())
	sums := make([]VecVirtual, 32/width)
	for i := range sums {
		sums[i] = vector()
		zero(sums[i], width == 8)
	}
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("reduce"))
	for i := range sums {
		xs, ws := vector(), vector()
		VCVTPS2PD(Mem{Base: x, Disp: i * width * 4}, xs)
		VCVTPS2PD(Mem{Base: w, Disp: i * width * 4}, ws)
		VFMADD231PD(ws, xs, sums[i])
	}
	ADDQ(U32(128), x)
	ADDQ(U32(128), w)
	SUBQ(U32(32), n)
	JMP(LabelRef("loop"))
	Label("reduce")
	for half := len(sums) / 2; half > 0; half /= 2 {
		for i := range half {
			VADDPD(sums[i+half], sums[i], sums[i])
		}
	}
	low := sums[0]
	if width == 8 {
		high := YMM()
		VEXTRACTF64X4(U8(1), low, high)
		VADDPD(high, low.AsY(), low.AsY())
	}
	high := XMM()
	VEXTRACTF128(U8(1), low.AsY(), high)
	VADDPD(high, low.AsX(), low.AsX())
	VUNPCKHPD(low.AsX(), low.AsX(), high)
	VADDSD(high, low.AsX(), low.AsX())
	Store(low.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// constants are the float32 numbers that kernels read from memory, each
// sixteen times over.
var constants = map[uint32]Mem{}

func constant(x float32) Mem {
	m, ok := constants[math.Float32bits(x)]
	if !ok {
		m = GLOBL(fmt.Sprintf("constant%d", len(constants)), RODATA|NOPTR)
		for i := range 16 {
			DATA(i*4, U32(math.Float32bits(x))) // as bits: one of them is a mask
		}
		constants[math.Float32bits(x)] = m
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

// exponential writes e^(x − top), for n that is a multiple of the width.
func exponential(level string, vector func() VecVirtual, width int) {
	TEXT("exp"+level, NOSPLIT, "func(n int, v *float32, top float32)")
	Doc("exp" + level + " is Exp for n that is a multiple of 16.")
	n, v := Load(Param("n"), GP64()), Load(Param("v"), GP64())
	first, top := XMM(), vector()
	Load(Param("top"), first)
	VBROADCASTSS(first, top)
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	y := vector()
	VMOVUPS(Mem{Base: v}, y)
	VSUBPS(top, y, y)
	expInPlace(y, vector, width == 16)
	VMOVUPS(y, Mem{Base: v})
	ADDQ(U32(uint32(4*width)), v)
	SUBQ(U32(uint32(width)), n)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}
