// A stand-in for NVIDIA's driver and cuBLAS, for machines without a GPU: the
// few functions that the package calls, with kernels.cu run as C++. Install the
// one library under both names. It is strict where the driver would only be
// unpredictable: memory is poisoned, copies are checked against what was
// allocated, and every call wants its context.
//
// Streams are threads, so that work really is asynchronous. Settings, read when
// they are used:
//
//	STANDIN_FAIL    NAME N CODE: from the N-th call of a function on, it fails
//	STANDIN_MEMORY  bytes of device memory that are free from now on
//	STANDIN_PTX     not empty: execute the PTX that was loaded, see ptx.h
#include "emulate.h"
#include "ptx.h"

#include "../kernels.cu"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>

using std::string;

namespace {

enum { success = 0, invalidValue = 1, outOfMemory = 2, invalidDevice = 101, invalidImage = 200, invalidContext = 201, notFound = 500 };

[[noreturn]] void die(const string &why) {
	std::fprintf(stderr, "stand-in driver: %s\n", why.c_str());
	std::abort();
}

// injected returns the code that a call must fail with, or success.
int injected(const char *function) {
	static std::mutex one;
	static string last;
	static int calls;
	std::lock_guard lock(one);
	const char *setting = std::getenv("STANDIN_FAIL");
	char name[64];
	int from, code;
	if (!setting || std::sscanf(setting, "%63s %d %d", name, &from, &code) != 3)
		return last.clear(), success;
	if (last != setting)
		last = setting, calls = 0;
	return string(name) == function && ++calls >= from ? code : success;
}

// Memory is a set of allocations of one kind. Each has guards around it.
struct Memory {
	const char *kind;
	std::mutex mutex;
	std::map<char *, size_t> sizes;
	size_t used = 0;
	static constexpr size_t guard = 256;
	static constexpr unsigned char guardByte = 0xA5, poison = 0xFF; // NaN as float

	void *allocate(size_t size) {
		std::lock_guard lock(mutex);
		char *whole = (char *)std::aligned_alloc(guard, (size + 3 * guard - 1) / guard * guard);
		std::memset(whole, guardByte, guard);
		std::memset(whole + guard, poison, size);
		std::memset(whole + guard + size, guardByte, guard - size % guard);
		sizes[whole + guard] = size, used += size;
		return whole + guard;
	}
	void release(void *at) {
		std::lock_guard lock(mutex);
		auto found = sizes.find((char *)at);
		if (found == sizes.end())
			die(string("frees what is no ") + kind + " memory");
		size_t size = found->second;
		for (size_t i = 0; i < guard; i++)
			if (((unsigned char *)at)[-1 - (long)i] != guardByte || (i < guard - size % guard && ((unsigned char *)at)[size + i] != guardByte))
				die(string("something wrote beyond ") + kind + " memory");
		used -= size;
		sizes.erase(found);
		std::free((char *)at - guard);
	}
	void check(const void *at, size_t size, const char *what) {
		std::lock_guard lock(mutex);
		auto after = sizes.upper_bound((char *)at);
		if (after == sizes.begin() || (char *)at + size > (--after)->first + after->second)
			die(string(what) + " goes beyond " + kind + " memory");
	}
};
Memory device{"device", {}, {}, 0}, pinned{"pinned", {}, {}, 0};

// available is how much device memory can be had.
size_t available() {
	static string last;
	static size_t limit = size_t(1) << 30;
	const char *setting = std::getenv("STANDIN_MEMORY");
	if (setting && last != setting)
		limit = device.used + std::strtoull(setting, nullptr, 10);
	last = setting ? setting : "";
	if (!setting)
		limit = size_t(1) << 30;
	return limit - std::min(limit, device.used);
}

// A Stream does its work in order, on a thread of its own.
struct Stream {
	std::mutex mutex;
	std::condition_variable changed;
	std::deque<std::function<void()>> work;
	uint64_t queued = 0, finished = 0;
	bool closed = false;
	std::thread thread{[this] { run(); }};

	void run() {
		for (std::unique_lock lock(mutex);;) {
			changed.wait(lock, [&] { return closed || !work.empty(); });
			if (work.empty())
				return;
			auto next = std::move(work.front());
			work.pop_front();
			lock.unlock();
			next();
			lock.lock();
			finished++;
			changed.notify_all();
		}
	}
	void add(std::function<void()> next) {
		std::lock_guard lock(mutex);
		work.push_back(std::move(next));
		queued++;
		changed.notify_all();
	}
	uint64_t position() {
		std::lock_guard lock(mutex);
		return queued;
	}
	void wait(uint64_t until) {
		std::unique_lock lock(mutex);
		changed.wait(lock, [&] { return finished >= until; });
	}
	~Stream() {
		{
			std::lock_guard lock(mutex);
			closed = true;
			changed.notify_all();
		}
		thread.join();
	}
};

struct Event {
	Stream *stream = nullptr;
	uint64_t position = 0;
};

struct Blas {
	Stream *stream = nullptr;
	bool workspace = false;
};

int context; // its address is the handle
thread_local void *current;

// word is argument i of a launch, 8 bytes.
template <class T> T word(void **arguments, int i) {
	static_assert(sizeof(T) == 8);
	T value;
	std::memcpy(&value, arguments[i], sizeof value);
	return value;
}

// A Launcher calls a kernel with copies of the arguments.
template <class... T> struct Launcher {
	template <size_t... I>
	static std::function<void()> bind(void (*kernel)(T...), void **arguments, std::index_sequence<I...>) {
		return [kernel, values = std::tuple<T...>(word<T>(arguments, I)...)] { std::apply(kernel, values); };
	}
};
template <class... T> std::function<void()> bound(void (*kernel)(T...), void **arguments) {
	return Launcher<T...>::bind(kernel, arguments, std::index_sequence_for<T...>());
}

// A Binder makes a call of a launch's arguments.
using Binder = std::function<std::function<void()>(void **)>;
std::map<string, Binder> kernelsByName = {
	{"centre", [](void **a) { return bound(centre, a); }},
	{"encode", [](void **a) { return bound(encode, a); }},
	{"dense", [](void **a) { return bound(dense, a); }},
	{"normalize", [](void **a) { return bound(normalize, a); }},
	{"decode", [](void **a) { return bound(decode, a); }},
};

// loadPTX has the module's own code executed from now on.
void loadPTX(const char *image) {
	static const std::map<string, ptx::Kernel> kernels = ptx::load(image);
	ptx::checkGlobal = [](const void *at, size_t size) { device.check(at, size, "an access of a kernel"); };
	for (const auto &[name, kernel] : kernels)
		kernelsByName[name] = [&kernel](void **arguments) -> std::function<void()> {
			std::vector<uint64_t> parameters;
			for (size_t i = 0; i < kernel.parameters; i++)
				parameters.push_back(word<uint64_t>(arguments, i));
			return [&kernel, parameters] { ptx::run(kernel, parameters.data()); };
		};
}

// inTF32 tells whether x has no more than ten bits of fraction.
bool inTF32(float x) { return (__float_as_uint(x) & 0x1fff) == 0; }

// truncated drops what float32 has no room for, as tensor cores do.
float truncated(double x) {
	float f = (float)x;
	return std::fabs((double)f) > std::fabs(x) ? std::nextafter(f, 0.f) : f;
}

} // namespace

#define CALL(function)                               \
	if (int code = injected(function); code) \
		return code;
#define IN_CONTEXT(function)   \
	CALL(function)         \
	if (current != &context) \
		return invalidContext;

extern "C" {

int cuInit(unsigned) { CALL("cuInit") return success; }
int cuDeviceGet(int *out, int number) {
	CALL("cuDeviceGet")
	*out = number;
	return number == 0 ? success : invalidDevice;
}
int cuDeviceGetName(char *name, int size, int) { CALL("cuDeviceGetName") std::snprintf(name, size, "stand-in"); return success; }
int cuDevicePrimaryCtxRetain(void **out, int) { CALL("cuDevicePrimaryCtxRetain") *out = &context; return success; }
int cuDevicePrimaryCtxRelease_v2(int) { return success; }
int cuCtxSetCurrent(void *c) { CALL("cuCtxSetCurrent") current = c; return success; }
int cuCtxSynchronize() { IN_CONTEXT("cuCtxSynchronize") return success; }

int cuMemGetInfo_v2(size_t *unused, size_t *total) {
	IN_CONTEXT("cuMemGetInfo")
	*unused = available(), *total = device.used + *unused;
	return success;
}
int cuMemAlloc_v2(void **out, size_t size) {
	IN_CONTEXT("cuMemAlloc")
	if (size == 0)
		return invalidValue;
	if (size > available())
		return outOfMemory;
	*out = device.allocate(size);
	return success;
}
int cuMemFree_v2(void *at) { IN_CONTEXT("cuMemFree") device.release(at); return success; }
int cuMemHostAlloc(void **out, size_t size, unsigned) { IN_CONTEXT("cuMemHostAlloc") *out = pinned.allocate(size); return success; }
int cuMemFreeHost(void *at) { IN_CONTEXT("cuMemFreeHost") pinned.release(at); return success; }
int cuMemcpyHtoD_v2(void *to, const void *from, size_t size) {
	IN_CONTEXT("cuMemcpyHtoD")
	device.check(to, size, "a copy");
	std::memcpy(to, from, size);
	return success;
}
int cuMemcpyDtoH_v2(void *to, const void *from, size_t size) {
	IN_CONTEXT("cuMemcpyDtoH")
	device.check(from, size, "a copy");
	std::memcpy(to, from, size);
	return success;
}
int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t size, Stream *stream) {
	IN_CONTEXT("cuMemcpyHtoDAsync")
	device.check(to, size, "a copy"), pinned.check(from, size, "a copy");
	stream->add([=] { std::memcpy(to, from, size); });
	return success;
}
int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t size, Stream *stream) {
	IN_CONTEXT("cuMemcpyDtoHAsync")
	device.check(from, size, "a copy"), pinned.check(to, size, "a copy");
	stream->add([=] { std::memcpy(to, from, size); });
	return success;
}

int cuStreamCreate(Stream **out, unsigned) { IN_CONTEXT("cuStreamCreate") *out = new Stream; return success; }
int cuStreamDestroy_v2(Stream *stream) { IN_CONTEXT("cuStreamDestroy") delete stream; return success; }
int cuStreamSynchronize(Stream *stream) { IN_CONTEXT("cuStreamSynchronize") stream->wait(stream->position()); return success; }
int cuEventCreate(Event **out, unsigned) { IN_CONTEXT("cuEventCreate") *out = new Event; return success; }
int cuEventDestroy_v2(Event *event) { IN_CONTEXT("cuEventDestroy") delete event; return success; }
int cuEventRecord(Event *event, Stream *stream) {
	IN_CONTEXT("cuEventRecord")
	*event = {stream, stream->position()};
	return success;
}
int cuEventSynchronize(Event *event) {
	IN_CONTEXT("cuEventSynchronize")
	if (event->stream)
		event->stream->wait(event->position);
	return success;
}

int cuModuleLoadData(void **out, const char *image) {
	IN_CONTEXT("cuModuleLoadData")
	*out = &context;
	const char *interpret = std::getenv("STANDIN_PTX");
	if (interpret && *interpret)
		loadPTX(image);
	return std::strstr(image, ".target sm_80") ? success : invalidImage;
}
int cuModuleUnload(void *) { IN_CONTEXT("cuModuleUnload") return success; }
int cuModuleGetFunction(const Binder **out, void *, const char *name) {
	IN_CONTEXT("cuModuleGetFunction")
	auto found = kernelsByName.find(name);
	if (found == kernelsByName.end())
		return notFound;
	*out = &found->second;
	return success;
}
int cuLaunchKernel(const Binder *kernel, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned threads, unsigned threadsY,
	unsigned threadsZ, unsigned shared, Stream *stream, void **arguments, void **) {
	IN_CONTEXT("cuLaunchKernel")
	if (gridX == 0 || gridY == 0 || gridY > 65535 || gridZ != 1 || threads == 0 || threads > emulate::maxThreads || threads % emulate::warp ||
		threadsY != 1 || threadsZ != 1 || shared != 0)
		return invalidValue;
	stream->add([=, call = (*kernel)(arguments)] { emulate::launch({gridX, gridY}, threads, call); });
	return success;
}

int cublasCreate_v2(Blas **out) { IN_CONTEXT("cublasCreate") *out = new Blas; return success; }
int cublasDestroy_v2(Blas *blas) { IN_CONTEXT("cublasDestroy") delete blas; return success; }
int cublasSetStream_v2(Blas *blas, Stream *stream) {
	IN_CONTEXT("cublasSetStream")
	blas->stream = stream, blas->workspace = false; // as the manual warns
	return success;
}
int cublasSetWorkspace_v2(Blas *blas, void *at, size_t size) {
	IN_CONTEXT("cublasSetWorkspace")
	device.check(at, size, "cuBLAS's workspace");
	blas->workspace = true;
	return success;
}
// cublasGemmEx is c [n, ldc] = b [n, k] · a [m, k]ᵀ in TF32, by rows. Eight
// products at a time are added to what is cut off to float32 thereafter.
int cublasGemmEx(Blas *blas, int opA, int opB, int m, int n, int k, const float *alpha, const float *a, int typeA, int lda,
	const float *b, int typeB, int ldb, const float *beta, float *c, int typeC, int ldc, int compute, int algorithm) {
	IN_CONTEXT("cublasGemmEx")
	if (!blas->workspace || opA != 1 || opB != 0 || *alpha != 1 || *beta != 0 || typeA != 0 || typeB != 0 || typeC != 0 || lda < k || ldb < k ||
		ldc < m || compute != 77 || algorithm != -1)
		return 7; // CUBLAS_STATUS_INVALID_VALUE
	device.check(a, 4 * ((size_t)(m - 1) * lda + k), "a factor"), device.check(b, 4 * ((size_t)(n - 1) * ldb + k), "a factor");
	device.check(c, 4 * ((size_t)(n - 1) * ldc + m), "a product");
	blas->stream->add([=] {
		for (size_t i = 0; i < (size_t)n * k; i++)
			if (!inTF32(b[i]))
				die("a row is not in TF32");
		for (int i = 0; i < m; i++)
			for (int p = 0; p < k; p++)
				if (!inTF32(a[(size_t)i * lda + p]))
					die("a weight is not in TF32");
		for (int j = 0; j < n; j++)
			for (int i = 0; i < m; i++) {
				const float *x = b + (size_t)j * ldb, *w = a + (size_t)i * lda;
				float sum = 0;
				for (int p = 0; p < k; p += 8) {
					double step = sum;
					for (int q = p; q < std::min(k, p + 8); q++)
						step += (double)x[q] * (double)w[q];
					sum = truncated(step);
				}
				c[(size_t)j * ldc + i] = sum;
			}
	});
	return success;
}
}
