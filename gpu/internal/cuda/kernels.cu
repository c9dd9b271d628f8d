// The kernels. Whatever ends up in a result is computed as the package gpu
// defines it, operation by operation: sums in float64 in the order of
// kernel.Dot, and no operation fused but where fma is written (compiled with
// -fmad=false). testdata/emulate.h compiles the same text as C++.
//
// Every parameter is 8 bytes wide, as cu's Launch wants them.

typedef unsigned int u32;
typedef unsigned long long u64;

#define WARP 32
#define ALL 0xffffffffu

// LEFT in place of a count leaves the row to the CPU.
#define LEFT 0xffffffffu

// CANDIDATES is how many features of a row may survive the screen.
#define CANDIDATES 1024

static __device__ __forceinline__ u32 lane() { return threadIdx.x % WARP; }

// warpIndex numbers the warps of the whole grid.
static __device__ __forceinline__ u64 warpIndex() {
	return ((u64)blockIdx.x * blockDim.x + threadIdx.x) / WARP;
}

// tree adds the upper half of the lanes to the lower half, five times over.
// Addition commutes, so every lane ends with the bits of lane 0.
static __device__ __forceinline__ double tree(double sum) {
	for (int half = WARP / 2; half > 0; half /= 2)
		sum += __shfl_xor_sync(ALL, sum, half);
	return sum;
}

// dot is kernel.Dot, by one warp.
static __device__ __forceinline__ double dot(const float *__restrict__ x, const float *__restrict__ w, u64 n) {
	double sum = 0;
#pragma unroll 8
	for (u64 i = lane(); i < n; i += WARP)
		sum = fma((double)x[i], (double)w[i], sum);
	return tree(sum);
}

static __device__ __forceinline__ bool finite(float x) { return x - x == 0; }

// roundTF32 returns the nearest number with ten bits of fraction, ties to even.
static __device__ __forceinline__ float roundTF32(float x) {
	u32 bits = __float_as_uint(x);
	bits += 0xfff + (bits >> 13 & 1);
	return __uint_as_float(bits & ~0x1fffu);
}

// centre subtracts the decoder bias from each row, rounds the difference for
// the tensor cores and bounds how far a score of the row can be from the
// activation it stands for (see screen.go). One warp a row.
extern "C" __global__ void __launch_bounds__(256) centre(
	const float *__restrict__ rows, const float *__restrict__ bias, u64 n, u64 dim,
	double perError, double perRounded, double perNorm, double rest,
	float *__restrict__ x, float *__restrict__ rounded, double *__restrict__ bounds) {
	u64 row = warpIndex();
	if (row >= n)
		return;
	double norm = 0, roundedNorm = 0, error = 0;
	for (u64 i = lane(); i < dim; i += WARP) {
		float a = rows[row * dim + i] - bias[i];
		float b = roundTF32(a);
		x[row * dim + i] = a;
		rounded[row * dim + i] = b;
		norm = fma((double)a, (double)a, norm);
		roundedNorm = fma((double)b, (double)b, roundedNorm);
		error = fma((double)a - (double)b, (double)a - (double)b, error);
	}
	norm = sqrt(tree(norm)), roundedNorm = sqrt(tree(roundedNorm)), error = sqrt(tree(error));
	if (lane() == 0)
		bounds[row] = perError * error + perRounded * roundedNorm + perNorm * norm + rest;
}

// The scores of a row, four at a time where they lie so.
struct Scores {
	const float *__restrict__ scores, *__restrict__ bias;
	u64 n;

	template <class F> __device__ __forceinline__ void each(F use) const {
		u64 fours = n / 4;
		for (u64 i = threadIdx.x; i < fours; i += blockDim.x) {
			float4 s = ((const float4 *)scores)[i], b = ((const float4 *)bias)[i];
			use(4 * i, s.x + b.x), use(4 * i + 1, s.y + b.y), use(4 * i + 2, s.z + b.z), use(4 * i + 3, s.w + b.w);
		}
		for (u64 j = 4 * fours + threadIdx.x; j < n; j += blockDim.x)
			use(j, scores[j] + bias[j]);
	}
};

// kthMaximum returns the k-th largest of the threads' maxima, and the thread's
// own in most. k scores reach it, so it is at most the k-th largest score. k
// must not exceed blockDim.x. (Were it static, the compiler would name its shared
// memory after the folder that it runs in.)
inline __device__ float kthMaximum(const Scores &row, u64 k, float &most) {
	__shared__ float maxima[1024], kth;
	float mine = -INFINITY;
	row.each([&](u64, float score) { mine = score > mine ? score : mine; });
	most = mine;
	maxima[threadIdx.x] = most;
	__syncthreads();
	u32 above = 0;
	for (u32 t = 0; t < blockDim.x; t++)
		above += maxima[t] > most || (maxima[t] == most && t < threadIdx.x);
	if (above == k - 1)
		kth = most;
	__syncthreads();
	return kth;
}

// encode makes the code of each row, one block a row: it screens the scores,
// computes the activations of the few features that the bound cannot rule out,
// and writes the code by ascending feature, room entries a row. With keep > 0
// those are the keep largest activations above limit, ties to the lower
// feature; with keep = 0 all above limit. A row with too many candidates or
// numbers beyond float32 is left to the CPU.
extern "C" __global__ void __launch_bounds__(1024) encode(
	const float *__restrict__ scores, u64 stride, const double *__restrict__ bounds,
	const float *__restrict__ x, const float *__restrict__ weight, const float *__restrict__ bias,
	u64 features, u64 dim, u64 keep, double limit, u64 room,
	u32 *__restrict__ counts, u32 *__restrict__ codeFeatures, float *__restrict__ codeValues) {
	__shared__ u32 feature[CANDIDATES], found, left;
	__shared__ float value[CANDIDATES];
	__shared__ bool kept[CANDIDATES];
	u64 row = blockIdx.x;
	double bound = bounds[row];
	if (!(bound < 1e30)) { // the scores may have overflowed
		if (threadIdx.x == 0)
			counts[row] = LEFT;
		return;
	}
	if (threadIdx.x == 0)
		found = 0, left = 0;
	__syncthreads();

	Scores screened = {scores + row * stride, bias, features};
	double lowest = limit;
	float most = INFINITY;
	if (keep > 0)
		lowest = fmax((double)kthMaximum(screened, keep, most) - bound, limit);
	float least = __double2float_rd(lowest - bound);
	if (most >= least) // the others need not look again
		screened.each([&](u64 j, float score) {
			if (score >= least) {
				u32 at = atomicAdd(&found, 1u);
				if (at < CANDIDATES)
					feature[at] = (u32)j;
			}
		});
	__syncthreads();
	u32 candidates = found;
	if (candidates > CANDIDATES) {
		if (threadIdx.x == 0)
			counts[row] = LEFT;
		return;
	}

	for (u32 c = threadIdx.x / WARP; c < candidates; c += blockDim.x / WARP) {
		u64 j = feature[c];
		double sum = dot(x + row * dim, weight + j * dim, dim) + (double)bias[j];
		if (lane() == 0)
			value[c] = (float)sum;
	}
	__syncthreads();

	for (u32 c = threadIdx.x; c < candidates; c += blockDim.x) {
		float v = value[c];
		u32 j = feature[c], before = 0;
		if (!finite(v) && v > 0)
			atomicAdd(&left, 1u);
		bool above = (double)v > limit;
		if (above && keep > 0)
			for (u32 o = 0; o < candidates; o++)
				before += value[o] > v || (value[o] == v && feature[o] < j);
		kept[c] = above && (keep == 0 || before < keep);
	}
	if (threadIdx.x == 0)
		found = 0;
	__syncthreads();

	for (u32 c = threadIdx.x; c < candidates; c += blockDim.x) {
		if (!kept[c])
			continue;
		u32 j = feature[c], place = 0;
		for (u32 o = 0; o < candidates; o++)
			place += kept[o] && feature[o] < j;
		codeFeatures[row * room + place] = j;
		codeValues[row * room + place] = value[c];
		atomicAdd(&found, 1u);
	}
	__syncthreads();
	if (threadIdx.x == 0)
		counts[row] = left ? LEFT : found;
}

// squash is the hyperbolic tangent that views are defined with, step by step.
static __device__ double squash(double x) {
	const double taylor[] = {
		1. / 87178291200., 1. / 6227020800., 1. / 479001600., 1. / 39916800., 1. / 3628800., 1. / 362880., 1. / 40320.,
		1. / 5040., 1. / 720., 1. / 120., 1. / 24., 1. / 6., 1. / 2.,
	};
	double y = 2 * fabs(x);
	if (y > 40)
		return copysign(1., x);
	double n = rint(y * 0x1.71547652b82fep+0);
	double r = fma(-n, 0x1.62e42feep-1, y);
	r = fma(-n, 0x1.a39ef35793c76p-33, r);
	double series = taylor[0];
#pragma unroll
	for (int i = 1; i < 13; i++)
		series = fma(series, r, taylor[i]);
	double p = fma(series * r, r, r);
	double scale = __longlong_as_double((1023 + (long long)n) << 52);
	double t = fma(scale, p, scale - 1);
	return copysign(t / (t + 2), x);
}

// A warp of dense makes a tile of TILE rows by TILE outputs, a block 2 by 4
// tiles: each number is converted to float64 once for TILE sums, and what one
// warp reads the next one finds in the cache.
#define TILE 8

// spread is tree for 64 sums at once: each step adds one half of them in the
// lower lanes and the other half in the upper lanes, so that lane l ends with
// sums 2l and 2l+1, as the first of its own.
template <int n = TILE * TILE / 2> static __device__ __forceinline__ void spread(double *sum) {
	const int half = n / 2;
	bool upper = lane() & half;
#pragma unroll
	for (int i = 0; i < n; i++) {
		double other = upper ? sum[i] : sum[i + n];
		double own = upper ? sum[i + n] : sum[i];
		sum[i] = own + __shfl_xor_sync(ALL, other, half);
	}
	if constexpr (half > 1)
		spread<half>(sum);
}

// dense is a linear layer, out = x·wᵀ + bias, in float64 and then rounded;
// with squashed > 0 the hyperbolic tangent comes before the rounding.
extern "C" __global__ void __launch_bounds__(256) dense(
	const float *__restrict__ x, const float *__restrict__ w, const float *__restrict__ bias,
	u64 rows, u64 outputs, u64 inputs, u64 squashed, float *__restrict__ out) {
	u32 warp = threadIdx.x / WARP;
	u64 row = ((u64)blockIdx.y * 2 + warp / 4) * TILE, column = ((u64)blockIdx.x * 4 + warp % 4) * TILE;
	if (row >= rows || column >= outputs)
		return;
	const float *a[TILE], *b[TILE];
#pragma unroll
	for (int t = 0; t < TILE; t++) { // beyond the end, the last once more
		a[t] = x + (row + t < rows ? row + t : rows - 1) * inputs;
		b[t] = w + (column + t < outputs ? column + t : outputs - 1) * inputs;
	}
	double sum[TILE * TILE] = {};
	for (u64 i = lane(); i < inputs; i += WARP) {
		double p[TILE], q[TILE];
#pragma unroll
		for (int t = 0; t < TILE; t++)
			p[t] = (double)a[t][i], q[t] = (double)b[t][i];
#pragma unroll
		for (int t = 0; t < TILE * TILE; t++)
			sum[t] = fma(p[t / TILE], q[t % TILE], sum[t]);
	}
	spread(sum);
	row += 2 * lane() / TILE;
#pragma unroll
	for (u32 t = 0; t < 2; t++) {
		u64 c = column + 2 * lane() % TILE + t;
		if (row < rows && c < outputs) {
			double y = sum[t] + (double)bias[c];
			out[row * outputs + c] = (float)(squashed ? squash(y) : y);
		}
	}
}

// normalize divides each row by its norm; failed tells of rows with numbers
// that are not finite, which are left to the CPU. One warp a row.
extern "C" __global__ void __launch_bounds__(256) normalize(
	float *__restrict__ rows, u64 n, u64 dim, u32 *__restrict__ failed) {
	u64 row = warpIndex();
	if (row >= n)
		return;
	float *y = rows + row * dim;
	double norm = sqrt(dot(y, y, dim));
	norm = norm > 1e-12 ? norm : 1e-12;
	u32 bad = 0;
	for (u64 i = lane(); i < dim; i += WARP) {
		float v = (float)((double)y[i] / norm);
		y[i] = v;
		bad |= !finite(v);
	}
	for (int half = WARP / 2; half > 0; half /= 2)
		bad |= __shfl_xor_sync(ALL, bad, half);
	if (lane() == 0)
		failed[row] = bad;
}

// decode sums each code's decoder rows by ascending feature, and the decoder
// bias last, in float64. Row i's code is entries ends[i−1] to ends[i]. One
// block a row.
extern "C" __global__ void __launch_bounds__(256) decode(
	const u64 *__restrict__ ends, const u32 *__restrict__ features, const float *__restrict__ values,
	const float *__restrict__ decoder, const float *__restrict__ bias, u64 dim, float *__restrict__ out) {
	u64 row = blockIdx.x, from = row > 0 ? ends[row - 1] : 0, to = ends[row];
	for (u64 i = threadIdx.x; i < dim; i += blockDim.x) {
		double sum = 0;
		for (u64 e = from; e < to; e++)
			sum = fma((double)values[e], (double)decoder[(u64)features[e] * dim + i], sum);
		out[row * dim + i] = (float)(sum + (double)bias[i]);
	}
}
