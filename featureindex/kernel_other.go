//go:build !amd64 || purego

package featureindex

import "unsafe"

func scatter(acc *[span]uint16, pieces []piece) { scatterGeneric(acc, pieces) }

func tally(acc *[span]uint8, pieces []piece) { tallyGeneric(acc, pieces) }

func scan16(counters []uint16, limit, fill uint16, found []uint32) int {
	return scanGeneric(counters, limit, fill, found)
}

func scan8(counters []uint8, limit, fill uint8, found []uint32) int {
	return scanGeneric(counters, limit, fill, found)
}

func dotRows(q []int16, rows []int8, sums []int32) { dotRowsGeneric(q, rows, sums) }

// prefetch would bring memory into the cache.
func prefetch(unsafe.Pointer, uintptr) {}
