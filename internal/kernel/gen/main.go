// Command gen writes the assembly of package kernel. It is a module of its
// own, so that avo is no dependency of Steersight:
//
//	cd internal/kernel/gen && go run . -out ../kernel_amd64.s -stubs ../kernel_amd64.go -pkg kernel
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, rows := range []int{14, 8, 4, 2, 1} {
		tile("AVX512", rows, 32, ZMM, 16)
	}
	tile("AVX2", 6, 16, YMM, 8)
	tile("AVX2", 3, 32, YMM, 8)
	tile("AVX2", 1, 32, YMM, 8)
	pack()
	dot()
	dotAhead()
	dots("AVX512", 6, 4, ZMM, 8)
	dots("AVX512", 2, 4, ZMM, 8)
	dots("AVX512", 1, 4, ZMM, 8)
	dots("AVX2", 4, 3, YMM, 4)
	dots("AVX2", 1, 3, YMM, 4)
	add()
	above()
	filter()
	count("AVX512", ZMM, 16)
	count("AVX2", YMM, 8)
	tanh("AVX512", ZMM, 8)
	tanh("AVX2", YMM, 4)
	gelu("AVX512", ZMM, 16)
	gelu("AVX2", YMM, 8)
	softmax("AVX512", ZMM, 16)
	softmax("AVX2", YMM, 8)
	addNorm("AVX512", ZMM, 16)
	addNorm("AVX2", YMM, 8)
	Generate()
}
