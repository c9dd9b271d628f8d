//go:build amd64 && !purego

package featureindex

import "unsafe"

// useAVX2 tells whether the machine and its operating system have AVX2.
var useAVX2 = hasAVX2()

func hasAVX2() bool {
	const osxsave, avx, avx2, ymm = 1 << 27, 1 << 28, 1 << 5, 6
	most, _, _, _ := cpuid(0, 0)
	_, _, c, _ := cpuid(1, 0)
	if most < 7 || c&osxsave == 0 || c&avx == 0 || xgetbv()&ymm != ymm {
		return false
	}
	_, b, _, _ := cpuid(7, 0)
	return b&avx2 != 0
}

func scatter(acc *[span]uint16, pieces []piece) {
	if useAVX2 && len(pieces) > 0 {
		scatterAVX2(acc, pieces)
		return
	}
	scatterGeneric(acc, pieces)
}

func tally(acc *[span]uint8, pieces []piece) {
	if useAVX2 && len(pieces) > 0 {
		tallyAMD64(acc, pieces)
		return
	}
	tallyGeneric(acc, pieces)
}

func scan16(counters []uint16, limit, fill uint16, found []uint32) int {
	if useAVX2 && len(counters) > 0 && limit < 1<<16-1 {
		return scan16AVX2(&counters[0], len(counters), limit+1, fill, &found[0])
	}
	return scanGeneric(counters, limit, fill, found)
}

func scan8(counters []uint8, limit, fill uint8, found []uint32) int {
	if useAVX2 && len(counters) > 0 && limit < 1<<8-1 {
		return scan8AVX2(&counters[0], len(counters), limit+1, fill, &found[0])
	}
	return scanGeneric(counters, limit, fill, found)
}

func dotRows(q []int16, rows []int8, sums []int32) {
	if useAVX2 && len(q) > 0 && len(sums) > 0 && len(rows) >= len(q)*len(sums) {
		dotRowsAVX2(&q[0], &rows[0], len(q), len(sums), &sums[0])
		return
	}
	dotRowsGeneric(q, rows, sums)
}

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() uint32

//go:noescape
func scatterAVX2(acc *[span]uint16, pieces []piece)

//go:noescape
func tallyAMD64(acc *[span]uint8, pieces []piece)

// scan16AVX2 finds counters of at least limit; n is a multiple of 64.
//
//go:noescape
func scan16AVX2(counters *uint16, n int, limit, fill uint16, found *uint32) int

// scan8AVX2 finds counters of at least limit; n is a multiple of 64.
//
//go:noescape
func scan8AVX2(counters *uint8, n int, limit, fill uint8, found *uint32) int

// dotRowsAVX2 takes count > 0 rows of n > 0 components, a multiple of 32.
//
//go:noescape
func dotRowsAVX2(q *int16, rows *int8, n, count int, sums *int32)

// prefetch brings n bytes of memory into the cache.
//
//go:noescape
func prefetch(p unsafe.Pointer, n uintptr)
