//go:build cuda && cgo && linux && amd64

package cuda

/*
#include <dlfcn.h>
#include <stddef.h>

// cuBLAS's own names and numbers, from cublas_api.h and library_types.h.
enum { op_n = 0, op_t = 1, r_32f = 0, compute_32f_fast_tf32 = 77, gemm_default = -1 };

static int (*create)(void **);
static int (*destroy)(void *);
static int (*set_stream)(void *, void *);
static int (*set_workspace)(void *, void *, size_t);
static int (*gemm_ex)(void *, int, int, int, int, int, const void *, const void *, int, int,
	const void *, int, int, const void *, void *, int, int, int, int);

// blas_load returns 0 if cuBLAS is there.
static int blas_load(void) {
	static const char *const names[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11"};
	void *library = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return 1;
	create = (int (*)(void **))dlsym(library, "cublasCreate_v2");
	destroy = (int (*)(void *))dlsym(library, "cublasDestroy_v2");
	set_stream = (int (*)(void *, void *))dlsym(library, "cublasSetStream_v2");
	set_workspace = (int (*)(void *, void *, size_t))dlsym(library, "cublasSetWorkspace_v2");
	gemm_ex = (int (*)(void *, int, int, int, int, int, const void *, const void *, int, int,
		const void *, int, int, const void *, void *, int, int, int, int))dlsym(library, "cublasGemmEx");
	return !(create && destroy && set_stream && set_workspace && gemm_ex);
}

static int blas_create(void **handle) { return create(handle); }
static int blas_destroy(void *handle) { return destroy(handle); }
static int blas_set_stream(void *handle, void *stream) { return set_stream(handle, stream); }
static int blas_set_workspace(void *handle, unsigned long long at, size_t size) {
	return set_workspace(handle, (void *)at, size);
}

// blas_scores is scores [rows, stride] = x [rows, dim] · weight [features, dim]ᵀ.
// cuBLAS counts by columns, so a row of ours is a column of its.
static int blas_scores(void *handle, int rows, int features, int dim, unsigned long long x, unsigned long long weight,
	unsigned long long scores, int stride) {
	const float one = 1, zero = 0;
	return gemm_ex(handle, op_t, op_n, features, rows, dim, &one, (const void *)weight, r_32f, dim,
		(const void *)x, r_32f, dim, &zero, (void *)scores, r_32f, stride, compute_32f_fast_tf32, gemm_default);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"gorgonia.org/cu"
)

// workspaceSize is the memory for cuBLAS that its manual advises for Hopper;
// smaller GPUs want less.
const workspaceSize = 32 << 20

// loadBLAS loads cuBLAS 13, 12 or 11, once.
var loadBLAS = sync.OnceValue(func() error {
	if C.blas_load() != 0 {
		return errors.New("no cuBLAS (libcublas.so.13, .12 or .11)")
	}
	return nil
})

// A blas multiplies matrices on one stream.
type blas struct{ handle unsafe.Pointer }

// newBLAS makes a blas whose scratch is workspace.
func newBLAS(stream cu.Stream, workspace cu.DevicePtr) (b blas, err error) {
	if err := loadBLAS(); err != nil {
		return b, err
	}
	if err := blasError("cublasCreate", C.blas_create(&b.handle)); err != nil {
		return b, err
	}
	err = errors.Join(
		blasError("cublasSetStream", C.blas_set_stream(b.handle, unsafe.Pointer(stream.C()))),
		blasError("cublasSetWorkspace", C.blas_set_workspace(b.handle, C.ulonglong(workspace), workspaceSize)))
	return b, err
}

func (b blas) close() {
	if b.handle != nil {
		C.blas_destroy(b.handle)
	}
}

// scores multiplies x [rows, dim] by the transpose of weight [features, dim],
// both of which must be exact in TF32, into scores [rows, stride].
func (b blas) scores(rows, features, dim int, x, weight, scores cu.DevicePtr, stride int) error {
	return blasError("cublasGemmEx", C.blas_scores(b.handle, C.int(rows), C.int(features), C.int(dim),
		C.ulonglong(x), C.ulonglong(weight), C.ulonglong(scores), C.int(stride)))
}

func blasError(operation string, status C.int) error {
	if status != 0 {
		return fmt.Errorf("%s: error %d", operation, status)
	}
	return nil
}
