package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pack writes the transposition of eight rows into eight columns of a panel,
// eight by eight numbers at a time.
func pack() {
	TEXT("packAVX2", NOSPLIT, "func(k int, rows *float32, stride int, panel *float32)")
	Doc("packAVX2 sets panel[p][i] to rows[i][p] for 8 rows, stride bytes apart; k is a positive multiple of 8.")
	k, to := Load(Param("k"), GP64()), Load(Param("panel"), GP64())
	from := newRows(Load(Param("rows"), GP64()), Load(Param("stride"), GP64()), 8)
	Label("loop")
	var r, s [8]VecVirtual
	for i := range r {
		r[i], s[i] = YMM(), YMM()
		VMOVUPS(from.at(i), r[i])
	}
	for i := 0; i < 8; i += 2 { // pairs: r0 r1 → 00 10 01 11 …
		VUNPCKLPS(r[i+1], r[i], s[i])
		VUNPCKHPS(r[i+1], r[i], s[i+1])
	}
	for i := 0; i < 8; i += 4 { // fours
		VUNPCKLPD(s[i+2], s[i], r[i])
		VUNPCKHPD(s[i+2], s[i], r[i+1])
		VUNPCKLPD(s[i+3], s[i+1], r[i+2])
		VUNPCKHPD(s[i+3], s[i+1], r[i+3])
	}
	for i := range 4 { // eights
		VPERM2F128(U8(0x20), r[i+4], r[i], s[i])
		VPERM2F128(U8(0x31), r[i+4], r[i], s[i+4])
	}
	for p, v := range s {
		VMOVUPS(v, Mem{Base: to, Disp: p * panel * 4})
	}
	ADDQ(U32(8*panel*4), to)
	for _, base := range from.bases {
		ADDQ(U32(8*4), base)
	}
	SUBQ(U32(8), k)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
