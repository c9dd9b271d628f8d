// CUDA's built-ins for kernels compiled as C++20, so that kernels.cu runs
// without a GPU. A block's threads are fibres that take turns at barriers and
// shuffles; with EMULATE_THREADS they are threads of the operating system, for
// the thread sanitizer. One block runs at a time.
#pragma once

#include <atomic>
#include <barrier>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__
#define __shared__ static

struct Index {
	unsigned x = 0, y = 0, z = 0;
};
struct alignas(16) float4 {
	float x, y, z, w;
};

inline thread_local Index threadIdx, blockIdx;
inline Index blockDim;

using std::copysign, std::fabs, std::fma, std::fmax, std::rint, std::sqrt;

template <class To, class From> To bitsAs(From from) {
	static_assert(sizeof(To) == sizeof(From));
	To to;
	std::memcpy(&to, &from, sizeof to);
	return to;
}
inline unsigned __float_as_uint(float x) { return bitsAs<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return bitsAs<float>(x); }
inline double __longlong_as_double(long long x) { return bitsAs<double>(x); }
inline float __double2float_rd(double x) {
	float f = (float)x;
	return f > x ? std::nextafter(f, -INFINITY) : f;
}
inline unsigned atomicAdd(unsigned *at, unsigned more) { return std::atomic_ref(*at).fetch_add(more); }

namespace emulate {

constexpr unsigned warp = 32, maxThreads = 1024;

inline double shuffled[maxThreads]; // what each thread brings to a shuffle

#ifdef EMULATE_THREADS

using Barrier = std::barrier<>;
inline void wait(Barrier &barrier) { barrier.arrive_and_wait(); }

#else

struct Barrier {
	explicit Barrier(unsigned size) : size(size) {}
	unsigned size, arrived = 0, generation = 0;
};

struct Fibre {
	ucontext_t start;
	jmp_buf state;
	std::unique_ptr<char[]> stack{new char[stackSize]};
	bool started, done;
	const Barrier *barrier; // it waits there until the generation is over
	unsigned generation;
	static constexpr size_t stackSize = 64 << 10;
};

inline Fibre fibres[maxThreads];
inline unsigned running;
inline jmp_buf scheduler;
inline ucontext_t unused;
inline const std::function<void()> *kernel;

inline void wait(Barrier &barrier) {
	if (++barrier.arrived == barrier.size) {
		barrier.arrived = 0, barrier.generation++;
		return;
	}
	Fibre &self = fibres[running];
	self.barrier = &barrier, self.generation = barrier.generation;
	if (_setjmp(self.state) == 0)
		_longjmp(scheduler, 1);
}

inline void enter() {
	(*kernel)();
	fibres[running].done = true;
	_longjmp(scheduler, 1);
}

// turn runs one fibre until it must wait or ends.
inline void turn(unsigned t, Index block) {
	Fibre &fibre = fibres[t];
	if (fibre.barrier && fibre.barrier->generation == fibre.generation)
		return;
	running = t, threadIdx.x = t, blockIdx = block;
	if (_setjmp(scheduler) != 0)
		return;
	if (fibre.started)
		_longjmp(fibre.state, 1);
	fibre.started = true;
	getcontext(&fibre.start);
	fibre.start.uc_stack.ss_sp = fibre.stack.get();
	fibre.start.uc_stack.ss_size = Fibre::stackSize;
	fibre.start.uc_link = nullptr;
	makecontext(&fibre.start, enter, 0);
	swapcontext(&unused, &fibre.start);
}

inline void runBlock(unsigned threads, Index block) {
	for (unsigned t = 0; t < threads; t++)
		fibres[t].started = fibres[t].done = false, fibres[t].barrier = nullptr;
	for (bool more = true; more;) {
		more = false;
		for (unsigned t = 0; t < threads; t++)
			if (!fibres[t].done) {
				turn(t, block);
				more |= !fibres[t].done;
			}
	}
}

#endif

inline std::unique_ptr<Barrier> blockBarrier, warpBarriers[maxThreads / warp];

// launch runs call for every thread of every block; threads is a multiple of 32.
inline void launch(Index grid, unsigned threads, const std::function<void()> &call) {
	static std::mutex one;
	std::lock_guard lock(one);
	blockDim = {threads, 1, 1};
	blockBarrier = std::make_unique<Barrier>(threads);
	for (unsigned w = 0; w < threads / warp; w++)
		warpBarriers[w] = std::make_unique<Barrier>(warp);
#ifdef EMULATE_THREADS
	std::vector<std::jthread> all;
	for (unsigned t = 0; t < threads; t++)
		all.emplace_back([=, &call] {
			threadIdx.x = t;
			for (unsigned y = 0; y < grid.y; y++)
				for (unsigned x = 0; x < grid.x; x++) {
					blockIdx = {x, y, 0};
					call();
					wait(*blockBarrier); // shared memory is the next block's
				}
		});
#else
	kernel = &call;
	for (unsigned y = 0; y < grid.y; y++)
		for (unsigned x = 0; x < grid.x; x++)
			runBlock(threads, {x, y, 0});
#endif
}

} // namespace emulate

inline void __syncthreads() { emulate::wait(*emulate::blockBarrier); }

template <class T> T __shfl_xor_sync(unsigned, T value, int other) {
	static_assert(sizeof(T) <= sizeof(double));
	unsigned self = threadIdx.x;
	auto &barrier = *emulate::warpBarriers[self / emulate::warp];
	std::memcpy(&emulate::shuffled[self], &value, sizeof value);
	emulate::wait(barrier);
	std::memcpy(&value, &emulate::shuffled[self ^ other], sizeof value);
	emulate::wait(barrier);
	return value;
}
