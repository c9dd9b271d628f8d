package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// notBelow is the comparison "not (a > b)", which is true where either is NaN.
const notBelow = 0x1a

// above writes the comparison of the rows of a tile with a limit each.
func above() {
	TEXT("aboveAVX2", NOSPLIT, "func(rows int, tile, limits *float32, masks *uint32)")
	Doc("aboveAVX2 sets bit c of masks[i] if number c of row i of the tile is not below limits[i].")
	const width = 8
	rows, tile := Load(Param("rows"), GP64()), Load(Param("tile"), GP64())
	limits, masks := Load(Param("limits"), GP64()), Load(Param("masks"), GP64())
	Label("loop")
	limit, all := YMM(), GP32()
	VBROADCASTSS(Mem{Base: limits}, limit)
	for i := panel/width - 1; i >= 0; i-- {
		mask := compare(Mem{Base: tile, Disp: i * width * 4}, limit, YMM, width)
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

// add writes what a Shortlist does with a tile.
func add() {
	TEXT("addAVX512", NOSPLIT, "func(rows int, tile, limits *float32, first, exist uint32, counts *int, scores *float32, places *uint32, size int) int")
	Doc("addAVX512 appends to the lists of at least one row the numbers of a tile that are not below its limit, of the columns",
		"that exist has bits of, and their places from first on. It returns the largest count. Lists are size numbers apart.")
	rows, tile := Load(Param("rows"), GP64()), Load(Param("tile"), GP64())
	limits, counts := Load(Param("limits"), GP64()), Load(Param("counts"), GP64())
	scores, places := Load(Param("scores"), GP64()), Load(Param("places"), GP64())
	size, most := Load(Param("size"), GP64()), GP64()
	SHLQ(U8(2), size)
	XORQ(most, most)
	bits := Load(Param("exist"), GP32())
	var exist []OpmaskVirtual
	var at []VecVirtual
	first := ZMM()
	VPBROADCASTD(Load(Param("first"), GP32()), first)
	for i := range 2 {
		k, v := K(), ZMM()
		KMOVW(bits, k)
		SHRL(U8(16), bits)
		exist = append(exist, k)
		VPADDD(iota16(), first, v)
		if i == 1 {
			VPADDD(constant(math.Float32frombits(16)), v, v)
		}
		at = append(at, v)
	}
	Label("loop")
	limit, count := ZMM(), GP64()
	VBROADCASTSS(Mem{Base: limits}, limit)
	MOVQ(Mem{Base: counts}, count)
	for i := range 2 {
		score, place, k, n := ZMM(), ZMM(), K(), GP32()
		VMOVUPS(Mem{Base: tile, Disp: 64 * i}, score)
		VCMPPS(U8(notBelow), score, limit, k)
		KANDW(exist[i], k, k)
		KMOVW(k, n)
		POPCNTL(n, n)
		VCOMPRESSPS_Z(score, k, score)
		VPCOMPRESSD_Z(at[i], k, place)
		VMOVUPS(score, Mem{Base: scores, Index: count, Scale: 4})
		VMOVUPS(place, Mem{Base: places, Index: count, Scale: 4})
		ADDQ(n.As64(), count)
	}
	MOVQ(count, Mem{Base: counts})
	CMPQ(count, most)
	CMOVQGT(count, most)
	ADDQ(U32(4*panel), tile)
	ADDQ(U32(4), limits)
	ADDQ(U32(8), counts)
	ADDQ(size, scores)
	ADDQ(size, places)
	DECQ(rows)
	JNZ(LabelRef("loop"))
	Store(most, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// iota16 is the numbers from 0 to 15.
func iota16() Mem {
	if numbers.Symbol.Name == "" {
		numbers = GLOBL("numbers", RODATA|NOPTR)
		for i := range 16 {
			DATA(i*4, U32(uint32(i)))
		}
	}
	return numbers
}

var numbers Mem

// filter writes how a Shortlist drops what is below a limit.
func filter() {
	TEXT("filterAVX512", NOSPLIT, "func(n int, scores *float32, places *uint32, limit float32) int")
	Doc("filterAVX512 keeps of n scores those that are not below limit, with their places, and returns how many. It reads and",
		"writes up to 16 numbers beyond.")
	n := Load(Param("n"), GP64())
	scores, places := Load(Param("scores"), GP64()), Load(Param("places"), GP64())
	first, limit := XMM(), ZMM()
	Load(Param("limit"), first)
	VBROADCASTSS(first, limit)
	from, kept := GP64(), GP64()
	XORQ(from, from)
	XORQ(kept, kept)
	Label("loop")
	CMPQ(from, n)
	JGE(LabelRef("done"))
	score, place, k, some, left, sixteen := ZMM(), ZMM(), K(), GP32(), GP64(), GP64()
	VMOVUPS(Mem{Base: scores, Index: from, Scale: 4}, score)
	VMOVUPS(Mem{Base: places, Index: from, Scale: 4}, place)
	VCMPPS(U8(notBelow), score, limit, k)
	KMOVW(k, some)
	MOVQ(n, left)
	SUBQ(from, left)
	MOVQ(U32(16), sixteen)
	CMPQ(left, sixteen)
	CMOVQGT(sixteen, left)
	BZHIL(left.As32(), some, some) // of the last sixteen not all count
	KMOVW(some, k)
	POPCNTL(some, some)
	VCOMPRESSPS_Z(score, k, score)
	VPCOMPRESSD_Z(place, k, place)
	VMOVUPS(score, Mem{Base: scores, Index: kept, Scale: 4})
	VMOVUPS(place, Mem{Base: places, Index: kept, Scale: 4})
	ADDQ(some.As64(), kept)
	ADDQ(U32(16), from)
	JMP(LabelRef("loop"))
	Label("done")
	Store(kept, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
