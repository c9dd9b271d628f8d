// Runs the kernels with one thread of the operating system for each of CUDA's
// and compares every number with brute force. Meant for the sanitizers.
#define EMULATE_THREADS
#include "emulate.h"

#include "../kernels.cu"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>

using std::vector;

static std::mt19937_64 random_(1);

static vector<float> normal(size_t n, float scale = 1) {
	std::normal_distribution<float> draw;
	vector<float> all(n);
	for (float &x : all)
		x = draw(random_) * scale;
	return all;
}

// slowDot is the definition of kernel.Dot.
static double slowDot(const float *x, const float *w, size_t n) {
	double sum[32] = {};
	for (size_t i = 0; i < n; i++)
		sum[i % 32] += (double)x[i] * (double)w[i];
	for (int half = 16; half > 0; half /= 2)
		for (int l = 0; l < half; l++)
			sum[l] += sum[l + half];
	return sum[0];
}

static void fail(const std::string &what) {
	std::printf("%s\n", what.c_str());
	std::exit(1);
}

// same compares bits, so that -0 differs from 0.
static bool same(float a, float b) { return __float_as_uint(a) == __float_as_uint(b); }

static void testEncode(const std::string &kind, u64 dim, u64 features, u64 keep, double limit, unsigned threads) {
	const u64 rows = 2, stride = (features + 3) / 4 * 4, room = keep ? keep : CANDIDATES;
	vector<float> weight = normal(dim * features, 1 / std::sqrt((float)dim)), bias = normal(stride), decoderBias = normal(dim);
	for (u64 j = 0; j < features; j++) {
		if (kind == "tied") {
			std::copy_n(&weight[j % 7 * dim], dim, &weight[j * dim]);
			bias[j] = bias[j % 7];
		}
		if (kind == "negative" || (kind == "few positive" && j % 50 != 3))
			bias[j] = -1000;
		if (kind == "denormal") {
			bias[j] *= 0x1p-145f;
			for (u64 i = 0; i < dim; i++)
				weight[j * dim + i] *= 0x1p-140f;
		}
	}
	vector<float> in = normal(rows * dim), x(rows * dim), rounded(rows * dim), scores(rows * stride, NAN);
	vector<double> bounds(rows, NAN);
	emulate::launch({1, 1}, 64, [&] {
		centre(in.data(), decoderBias.data(), rows, dim, 2, 0, 1e-3, 1e-37, x.data(), rounded.data(), bounds.data());
	});
	std::uniform_real_distribution<double> error(-0.99, 0.99);
	for (u64 r = 0; r < rows; r++) // as wrong as the bound allows
		for (u64 j = 0; j < features; j++) {
			double e = error(random_);
			if (j % 2)
				e = e < 0 ? -0.99 : 0.99;
			scores[r * stride + j] = (float)(slowDot(&x[r * dim], &weight[j * dim], dim) + e * bounds[r]);
		}
	vector<u32> counts(rows, 7), codeFeatures(rows * room, 7);
	vector<float> codeValues(rows * room, NAN);
	emulate::launch({(unsigned)rows, 1}, threads, [&] {
		encode(scores.data(), stride, bounds.data(), x.data(), weight.data(), bias.data(), features, dim, keep, limit, room,
			counts.data(), codeFeatures.data(), codeValues.data());
	});
	for (u64 r = 0; r < rows; r++) {
		vector<float> value(features);
		vector<u32> want;
		for (u64 j = 0; j < features; j++) {
			value[j] = (float)(slowDot(&x[r * dim], &weight[j * dim], dim) + (double)bias[j]);
			if (value[j] > limit)
				want.push_back((u32)j);
		}
		if (keep) {
			std::stable_sort(want.begin(), want.end(), [&](u32 a, u32 b) { return value[a] > value[b]; });
			want.resize(std::min<size_t>(want.size(), keep));
			std::sort(want.begin(), want.end());
		}
		std::string where = kind + ", " + std::to_string(features) + " features, keep " + std::to_string(keep);
		if (counts[r] == LEFT && (kind == "tied" || kind == "denormal"))
			continue; // too many candidates is an answer
		if (counts[r] != want.size())
			fail(where + ": " + std::to_string(counts[r]) + " entries, want " + std::to_string(want.size()));
		for (size_t e = 0; e < want.size(); e++)
			if (codeFeatures[r * room + e] != want[e] || !same(codeValues[r * room + e], value[want[e]]))
				fail(where + ": entry " + std::to_string(e) + " differs");
	}
}

static void testDense(u64 rows, u64 outputs, u64 inputs) {
	vector<float> x = normal(rows * inputs), w = normal(outputs * inputs, 0.2f), bias = normal(outputs), out(rows * outputs, NAN);
	for (u64 squashed : {0, 1}) {
		emulate::launch({(unsigned)((outputs + 31) / 32), (unsigned)((rows + 15) / 16)}, 256, [&] {
			dense(x.data(), w.data(), bias.data(), rows, outputs, inputs, squashed, out.data());
		});
		for (u64 r = 0; r < rows; r++)
			for (u64 o = 0; o < outputs; o++) {
				double sum = slowDot(&x[r * inputs], &w[o * inputs], inputs) + (double)bias[o];
				if (!same(out[r * outputs + o], (float)(squashed ? squash(sum) : sum)))
					fail("dense: output differs");
				if (std::fabs(squash(sum) - std::tanh(sum)) > 4e-16)
					fail("squash is not the hyperbolic tangent");
			}
	}
}

static void testNormalize(u64 dim) {
	vector<float> rows = normal(4 * dim);
	std::fill_n(&rows[dim], dim, 0.f);
	rows[2 * dim] = INFINITY;
	vector<float> before = rows;
	vector<u32> failed(4, 7);
	emulate::launch({2, 1}, 64, [&] { normalize(rows.data(), 4, dim, failed.data()); });
	for (u64 r = 0; r < 4; r++) {
		if (failed[r] != (r == 2))
			fail("normalize: failed is wrong");
		double norm = std::max(std::sqrt(slowDot(&before[r * dim], &before[r * dim], dim)), 1e-12);
		for (u64 i = 0; i < dim && r != 2; i++)
			if (!same(rows[r * dim + i], (float)((double)before[r * dim + i] / norm)))
				fail("normalize: number differs");
	}
}

static void testDecode(u64 dim) {
	vector<float> decoder = normal(50 * dim), bias = normal(dim), values = normal(5), out(3 * dim, NAN);
	vector<u64> ends = {2, 2, 5};
	vector<u32> features = {3, 49, 0, 7, 8};
	emulate::launch({3, 1}, 64, [&] {
		decode(ends.data(), features.data(), values.data(), decoder.data(), bias.data(), dim, out.data());
	});
	for (u64 r = 0, e = 0; r < 3; r++) {
		vector<double> sum(dim);
		for (; e < ends[r]; e++)
			for (u64 i = 0; i < dim; i++)
				sum[i] += (double)values[e] * (double)decoder[features[e] * dim + i];
		for (u64 i = 0; i < dim; i++)
			if (!same(out[r * dim + i], (float)(sum[i] + (double)bias[i])))
				fail("decode: number differs");
	}
}

int main() {
	for (const char *kind : {"random", "tied", "negative", "few positive", "denormal"}) {
		testEncode(kind, 24, 96, 5, 0, 64);
		testEncode(kind, 1, 1, 1, 0, 32);
		testEncode(kind, 31, 1337, 64, 0, 64);
		testEncode(kind, 33, 500, 0, 0.3, 32);
	}
	testEncode("random", 31, 1030, 256, 0, 256);
	testEncode("random", 7, 4099, 16, 0, 512);
	testDense(1, 1, 1), testDense(5, 9, 33), testDense(17, 40, 64);
	testNormalize(1), testNormalize(70);
	testDecode(1), testDecode(100);
	std::puts("ok");
}
