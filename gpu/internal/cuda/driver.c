//go:build cuda && cgo && linux && amd64

// gorgonia.org/cu links to libcuda, which only machines with a driver have.
// This file defines the functions it refers to as jumps through slots, which
// are filled from libcuda.so.1 before the program starts. Where there is none,
// they return CUDA_ERROR_NO_DEVICE.
//
// cuInit is the exception: cu calls it while Go initializes packages and ends
// the program if it fails. It reports success, and driver_status the truth.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

enum { no_device = 100 };

#define SYMBOL(name) __attribute__((visibility("hidden"))) void *slot_##name;
#include "symbols.h"
#undef SYMBOL

#define SYMBOL(name)                                                                                     \
	__asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ": jmp *slot_" #name "(%rip)\n" \
			".size " #name ", .-" #name "\n");
#include "symbols.h"
#undef SYMBOL

static const struct {
	const char *name;
	void **slot;
} symbols[] = {
#define SYMBOL(name) {#name, &slot_##name},
#include "symbols.h"
#undef SYMBOL
};

static int (*real_init)(unsigned);
static int (*host_alloc)(void **, size_t, unsigned);
static int status = no_device;

static int missing(void) { return no_device; }

static int init(unsigned flags) {
	if (real_init)
		status = real_init(flags);
	return 0;
}

int driver_status(void) { return status; }

// driver_host_alloc is cuMemHostAlloc, for which cu has no function.
int driver_host_alloc(void **p, size_t size) { return host_alloc ? host_alloc(p, size, 0) : no_device; }

__attribute__((constructor)) static void load(void) {
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		void *function = driver ? dlsym(driver, symbols[i].name) : NULL;
		*symbols[i].slot = function ? function : (void *)missing;
	}
	if (driver) {
		real_init = (int (*)(unsigned))dlsym(driver, "cuInit");
		host_alloc = (int (*)(void **, size_t, unsigned))dlsym(driver, "cuMemHostAlloc");
	}
	slot_cuInit = (void *)init;
}
