package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// notBelow is the comparison "not (a > b)", which is true where either is NaN.
const notBelow = 0x1a

// above writes the comparison of the rows of a tile with a limit each.
func above(level string, vector func() VecVirtual, width int) {
	TEXT("above"+level, NOSPLIT, "func(rows int, tile, limits *float32, masks *uint32)")
	Doc("above" + level + " is Above for at least one row.")
	rows, tile := Load(Param("rows"), GP64()), Load(Param("tile"), GP64())
	limits, masks := Load(Param("limits"), GP64()), Load(Param("masks"), GP64())
	Label("loop")
	limit, all := vector(), GP32()
	VBROADCASTSS(Mem{Base: limits}, limit)
	for i := panel/width - 1; i >= 0; i-- {
		mask := compare(Mem{Base: tile, Disp: i * width * 4}, limit, vector, width)
		if i == panel/width-1 {
			MOVL(mask, all)
			continue
		}
		SHLL(U8(width), all)
		ORL(mask, all)
	}
	MOVL(all, Mem{Base: masks})
	ADDQ(U32(4*panel), tile)
	ADDQ(U32(4), limits)
	ADDQ(U32(4), masks)
	DECQ(rows)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// compare returns a mask of the numbers at address m that are not below limit.
func compare(m Mem, limit VecVirtual, vector func() VecVirtual, width int) GPVirtual {
	mask := GP32()
	if width == 16 {
		k := K()
		VCMPPS(U8(notBelow), m, limit, k)
		KMOVW(k, mask)
	} else {
		v := vector()
		VCMPPS(U8(notBelow), m, limit, v)
		VMOVMSKPS(v, mask)
	}
	return mask
}

// count writes how many numbers are not below a limit.
func count(level string, vector func() VecVirtual, width int) {
	TEXT("count"+level, NOSPLIT, "func(n int, v *float32, limit float32) int")
	Doc("count" + level + " is Count for n that is a multiple of 16.")
	n, v := Load(Param("n"), GP64()), Load(Param("v"), GP64())
	first, limit, total := XMM(), vector(), GP64()
	Load(Param("limit"), first)
	VBROADCASTSS(first, limit)
	XORQ(total, total)
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	mask := compare(Mem{Base: v}, limit, vector, width)
	POPCNTL(mask, mask)
	ADDQ(mask.As64(), total)
	ADDQ(U32(uint32(4*width)), v)
	SUBQ(U32(uint32(width)), n)
	JMP(LabelRef("loop"))
	Label("done")
	Store(total, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
