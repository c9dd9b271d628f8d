//go:build cuda && cgo && linux && amd64

package cuda

/*
#cgo LDFLAGS: -Wl,--as-needed -L${SRCDIR}/lib -ldl
#include <stddef.h>

// lib/libcuda.a is an archive of nothing, for the -lcuda that cu asks for.

int driver_status(void);
int driver_host_alloc(void **p, size_t size);
*/
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
)

// checkDriver returns an error where the driver is missing or has no device.
func checkDriver() error {
	switch status := C.driver_status(); status {
	case 0:
		return nil
	case 100: // also what driver.c says without a driver
		return fmt.Errorf("no driver (libcuda.so.1) or no device")
	default:
		return fmt.Errorf("cuInit: error %d", status)
	}
}

// wrap adds the operation to an error of the driver.
func wrap(operation string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// hostAlloc returns pinned memory, which the driver copies from and to while
// other work runs.
func hostAlloc(size int) (unsafe.Pointer, error) {
	var p unsafe.Pointer
	if status := C.driver_host_alloc(&p, C.size_t(size)); status != 0 {
		return nil, driverError(status)
	}
	return p, nil
}

// driverError is a status as cu has it, whose type has no name outside.
func driverError(status C.int) error {
	if status == 2 {
		return cu.OutOfMemory
	}
	return fmt.Errorf("error %d", status)
}
