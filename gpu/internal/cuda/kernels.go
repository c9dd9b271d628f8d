//go:build cuda && cgo && linux && amd64

package cuda

import (
	_ "embed"
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/cu"
)

// ptx is kernels.cu as scripts/ptx.sh compiles it; the driver compiles it
// further for the GPU at hand and keeps the outcome.
//
//go:embed kernels.ptx
var ptx string

// Numbers that kernels.cu has too.
const (
	warp       = 32
	tileRows   = 16   // rows that a block of dense takes
	tileWidth  = 32   // outputs that it takes
	candidates = 1024 // features that may survive the screen of a row
)

// Threads of a block.
const (
	blockThreads  = 256
	encodeThreads = 512
)

// kernels are the functions of kernels.cu.
type kernels struct {
	module                                   cu.Module
	centre, encode, dense, normalize, decode function
}

type function struct {
	name   string
	handle cu.Function
}

func loadKernels() (k kernels, err error) {
	if k.module, err = cu.LoadData(ptx); err != nil {
		return k, wrap("load kernels", err)
	}
	for name, at := range map[string]*function{
		"centre": &k.centre, "encode": &k.encode, "dense": &k.dense, "normalize": &k.normalize, "decode": &k.decode,
	} {
		at.name = name
		if at.handle, err = k.module.Function(name); err != nil {
			return k, wrap("find kernel "+name, err)
		}
	}
	return k, nil
}

// launch queues the function on a stream, for a grid of blocks. Arguments are
// device pointers, int or float64: 8 bytes each.
func (f function) launch(stream cu.Stream, gridX, gridY, threads int, arguments ...any) error {
	words := make([]uint64, len(arguments))
	pointers := make([]unsafe.Pointer, len(arguments))
	for i, argument := range arguments {
		switch a := argument.(type) {
		case cu.DevicePtr:
			words[i] = uint64(a)
		case int:
			words[i] = uint64(a)
		case float64:
			words[i] = math.Float64bits(a)
		default:
			panic(fmt.Sprintf("cuda: an argument of kernel %s is a %T", f.name, a))
		}
		pointers[i] = unsafe.Pointer(&words[i])
	}
	return wrap("launch "+f.name, f.handle.Launch(gridX, gridY, 1, threads, 1, 1, 0, stream, pointers))
}

// blocks is how many groups of size cover n.
func blocks(n, size int) int { return (n + size - 1) / size }
