// Executes PTX by the manual, instruction by instruction, on emulate.h's
// threads: what the compiler made of kernels.cu, rather than kernels.cu. It
// knows the instructions that occur there; any other ends the program.
#pragma once

#include "emulate.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace ptx {

using std::string, std::vector;

[[noreturn]] inline void fail(const string &what) {
	std::fprintf(stderr, "ptx: %s\n", what.c_str());
	std::abort();
}

struct Thread {
	vector<uint64_t> registers;
	size_t next = 0; // instruction; beyond the last when done
	const uint64_t *parameters;
	char *shared;
};

using Instruction = std::function<void(Thread &)>;

struct Kernel {
	vector<Instruction> code;
	std::map<string, size_t> names; // registers, parameters, shared variables, labels
	size_t registers = 0, parameters = 0, shared = 0;
};

// checkGlobal is told of every access to global memory.
inline std::function<void(const void *, size_t)> checkGlobal;

// An Operand is a register or a constant.
struct Operand {
	bool constant;
	uint64_t value; // or the number of the register

	template <class T> T get(const Thread &t) const {
		uint64_t bits = constant ? value : t.registers[value];
		T x;
		std::memcpy(&x, &bits, sizeof x);
		return x;
	}
	template <class T> void set(Thread &t, T x) const {
		uint64_t bits = 0;
		std::memcpy(&bits, &x, sizeof x);
		t.registers[value] = bits;
	}
};

// withType calls use with a number of a PTX type.
template <class F> Instruction withType(const string &type, F use) {
	if (type == "f64")
		return use(double());
	if (type == "f32")
		return use(float());
	if (type == "s64")
		return use(int64_t());
	if (type == "u64" || type == "b64")
		return use(uint64_t());
	if (type == "s32")
		return use(int32_t());
	if (type == "u32" || type == "b32")
		return use(uint32_t());
	if (type == "u16" || type == "b16" || type == "s16")
		return use(uint16_t());
	if (type == "u8" || type == "pred")
		return use(uint8_t());
	fail("type " + type);
}

// compare is setp's. With a u at the end it is true of NaN as well.
template <class T> bool compare(const string &order, T a, T b) {
	if (order == "eq")
		return a == b;
	if (order == "ne")
		return a < b || a > b;
	if (order == "lt")
		return a < b;
	if (order == "le")
		return a <= b;
	if (order == "gt")
		return a > b;
	if (order == "ge")
		return a >= b;
	if (order == "neu")
		return !(a == b);
	if (order == "ltu")
		return !(a >= b);
	if (order == "leu")
		return !(a > b);
	if (order == "gtu")
		return !(a <= b);
	if (order == "geu")
		return !(a < b);
	fail("comparison " + order);
}

// A Parser makes a Kernel of the text of an entry.
class Parser {
public:
	explicit Parser(const string &text) {
		string body = std::regex_replace(text, std::regex("//[^\n]*"), "");
		size_t open = body.find('{');
		declare(body.substr(0, open), "\\.param \\.\\w+(?: \\.ptr[^,\\n]*)? (\\w+)", [&](const std::smatch &m) { kernel.names[m[1]] = kernel.parameters++; });
		body = body.substr(open + 1, body.rfind('}') - open - 1);
		declare(body, "\\.shared \\.align (\\d+) \\.(\\w)(\\d+) (\\w+)(?:\\[(\\d+)\\])?;", [&](const std::smatch &m) {
			size_t align = std::stoul(m[1]), size = std::stoul(m[3]) / 8 * (m[5].matched ? std::stoul(m[5]) : 1);
			kernel.shared = (kernel.shared + align - 1) / align * align;
			kernel.names[m[4]] = kernel.shared, kernel.shared += size;
		});
		body = std::regex_replace(body, std::regex("\\n\\s*\\.(reg|shared|pragma|maxntid)[^\\n]*"), "\n");
		vector<string> lines;
		std::istringstream in(std::regex_replace(body, std::regex("(\\$\\w+:)"), "$1;")); // a label is a statement
		for (string line; std::getline(in, line, ';');) {
			line = std::regex_replace(line, std::regex("^\\s+|\\s+$"), "");
			if (line.empty())
				continue;
			if (line.back() == ':')
				kernel.names[line.substr(0, line.size() - 1)] = lines.size();
			else
				lines.push_back(line);
		}
		for (const string &line : lines)
			kernel.code.push_back(parse(line));
	}
	Kernel kernel;

private:
	template <class F> static void declare(const string &text, const char *pattern, F use) {
		std::regex expression(pattern);
		for (std::sregex_iterator i(text.begin(), text.end(), expression), end; i != end; ++i)
			use(*i);
	}

	size_t named(const string &name) {
		auto found = kernel.names.find(name);
		if (found == kernel.names.end())
			fail("name " + name);
		return found->second;
	}

	Operand operand(const string &text) {
		if (text[0] == '%') {
			auto [at, fresh] = kernel.names.try_emplace(text, kernel.registers);
			kernel.registers += fresh;
			return {false, at->second};
		}
		if (text.starts_with("0f") || text.starts_with("0d")) // the bits of a float or double
			return {true, std::stoull(text.substr(2), nullptr, 16)};
		if (isdigit(text[0]) || text[0] == '-')
			return {true, (uint64_t)std::stoll(text, nullptr, 0)};
		return {true, named(text)};
	}

	// parse reads [@p] operation operands.
	Instruction parse(const string &line) {
		std::smatch m;
		if (!std::regex_match(line, m, std::regex("(?:@(!?)(%\\w+)\\s+)?(\\S+)\\s*([^]*)")))
			fail(line);
		Instruction run = operation(m[3], m[4], line);
		if (!m[2].matched)
			return run;
		Operand predicate = operand(m[2]);
		bool wanted = m[1].length() == 0;
		return [=](Thread &t) {
			if (predicate.get<bool>(t) == wanted)
				run(t);
		};
	}

	static vector<string> split(const string &text, const char *separators) {
		vector<string> parts;
		for (size_t from = 0; from < text.size();) {
			size_t to = std::min(text.find_first_of(separators, from), text.size());
			if (to > from)
				parts.push_back(text.substr(from, to - from));
			from = to + 1;
		}
		return parts;
	}

	Instruction operation(const string &code, const string &text, const string &line) {
		vector<string> c = split(code, "."), names = split(text, ", \t\n{}|");
		const string op = c[0], type = c.back();
		if (op == "ret")
			return [](Thread &t) { t.next = SIZE_MAX; };
		if (op == "bar")
			return [](Thread &) { __syncthreads(); };
		if (op == "bra") {
			size_t to = named(names[0]);
			return [=](Thread &t) { t.next = to; };
		}
		if (op == "ld" || op == "st" || op == "atom")
			return memory(c, names, line);
		if (op == "mov" && names[1][0] == '%' && names[1].find('.') != string::npos)
			return special(operand(names[0]), names[1]);
		vector<Operand> o;
		for (const string &name : names)
			o.push_back(operand(name));
		if (op == "mov" && text[0] == '{')
			return [=](Thread &t) {
				uint64_t x = o[2].get<uint64_t>(t);
				o[0].set(t, (uint32_t)x), o[1].set(t, (uint32_t)(x >> 32));
			};
		if (op == "mov" && text.find('{') != string::npos)
			return [=](Thread &t) { o[0].set(t, o[1].get<uint32_t>(t) | (uint64_t)o[2].get<uint32_t>(t) << 32); };
		if (op == "mov" || op == "cvta") {
			if (type == "pred")
				return [=](Thread &t) { o[0].set(t, o[1].get<uint64_t>(t) != 0); };
			return withType(type, [&]<class T>(T) -> Instruction { return [=](Thread &t) { o[0].set(t, o[1].get<T>(t)); }; });
		}
		if (op == "shfl" && c[2] == "bfly")
			return [=](Thread &t) { o[0].set(t, __shfl_xor_sync(o[5].get<uint32_t>(t), o[2].get<uint32_t>(t), o[3].get<uint32_t>(t))); };
		if (op == "setp" && c.size() == 3)
			return withType(type, [&]<class T>(T) -> Instruction {
				return [=, order = c[1]](Thread &t) { o[0].set(t, compare(order, o[1].get<T>(t), o[2].get<T>(t))); };
			});
		if (op == "selp")
			return withType(type, [&]<class T>(T) -> Instruction {
				return [=](Thread &t) { o[0].set(t, o[3].get<bool>(t) ? o[1].get<T>(t) : o[2].get<T>(t)); };
			});
		if (op == "cvt")
			return conversion(c, o, line);
		return withType(type, [&]<class T>(T) -> Instruction { return arithmetic<T>(c, o, line); });
	}

	// special moves a special register.
	static Instruction special(Operand to, const string &name) {
		static const std::map<string, unsigned (*)()> values = {
			{"%tid.x", [] { return threadIdx.x; }}, {"%ntid.x", [] { return blockDim.x; }},
			{"%ctaid.x", [] { return blockIdx.x; }}, {"%ctaid.y", [] { return blockIdx.y; }}};
		auto found = values.find(name);
		if (found == values.end())
			fail("register " + name);
		return [=, value = found->second](Thread &t) { to.set(t, value()); };
	}

	// memory is a load, a store or an atomic addition.
	Instruction memory(const vector<string> &c, vector<string> names, const string &line) {
		size_t at = c[0] == "st" ? 0 : std::find_if(names.begin(), names.end(), [](const string &n) { return n[0] == '['; }) - names.begin();
		vector<string> address = split(names.at(at), "[]+");
		names.erase(names.begin() + at);
		if (c[1] == "param") {
			Operand to = operand(names[0]);
			size_t number = named(address[0]);
			return [=](Thread &t) { to.set(t, t.parameters[number]); };
		}
		vector<Operand> o;
		for (const string &name : names)
			o.push_back(operand(name));
		Operand base = operand(address[0]);
		int64_t offset = address.size() > 1 ? std::stoll(address[1]) : 0;
		bool shared = c[1] == "shared", store = c[0] == "st", atomic = c[0] == "atom";
		if ((!shared && c[1] != "global") || (atomic && (c[2] != "add" || c[3] != "u32")))
			fail(line);
		return withType(c.back(), [&]<class T>(T) -> Instruction {
			return [=, size = kernel.shared](Thread &t) {
				size_t bytes = (o.size() - (atomic ? 1 : 0)) * sizeof(T);
				uint64_t from = shared ? base.get<uint32_t>(t) + offset : base.get<uint64_t>(t) + offset;
				if (from % bytes != 0 || (shared && from + bytes > size))
					fail("an access where none may be");
				if (!shared)
					checkGlobal((void *)from, bytes);
				T *p = (T *)(shared ? t.shared + from : (char *)from);
				if (atomic)
					return o[0].set(t, atomicAdd((unsigned *)p, o[1].get<unsigned>(t)));
				for (size_t i = 0; i < o.size(); i++)
					store ? void(p[i] = o[i].get<T>(t)) : o[i].set(t, p[i]);
			};
		});
	}

	static Instruction conversion(const vector<string> &c, const vector<Operand> &o, const string &line) {
		string to = c[c.size() - 2], from = c.back(), rounding = c.size() > 3 ? c[1] : "";
		if (to == "u64" && from == "u32")
			return [=](Thread &t) { o[0].set(t, (uint64_t)o[1].get<uint32_t>(t)); };
		if (to == "u32" && from == "u64")
			return [=](Thread &t) { o[0].set(t, (uint32_t)o[1].get<uint64_t>(t)); };
		if (to == "f64" && from == "f32")
			return [=](Thread &t) { o[0].set(t, (double)o[1].get<float>(t)); };
		if (to == "f32" && from == "f64" && rounding == "rn")
			return [=](Thread &t) { o[0].set(t, (float)o[1].get<double>(t)); };
		if (to == "f32" && from == "f64" && rounding == "rm")
			return [=](Thread &t) { o[0].set(t, __double2float_rd(o[1].get<double>(t))); };
		if (to == "f64" && from == "f64" && rounding == "rni")
			return [=](Thread &t) { o[0].set(t, rint(o[1].get<double>(t))); };
		if (to == "s64" && from == "f64" && rounding == "rzi")
			return [=](Thread &t) { o[0].set(t, (int64_t)o[1].get<double>(t)); };
		fail(line);
	}

	// arithmetic is what has one type. Floats must be rounded to nearest by
	// name: without it the driver may fuse operations.
	template <class T> static Instruction arithmetic(const vector<string> &c, const vector<Operand> &o, const string &line) {
		const string &op = c[0];
		auto unary = [&](auto compute) -> Instruction { return [=](Thread &t) { o[0].set(t, (T)compute(o[1].get<T>(t))); }; };
		auto binary = [&](auto compute) -> Instruction {
			return [=](Thread &t) { o[0].set(t, (T)compute(o[1].get<T>(t), o[2].get<T>(t))); };
		};
		if constexpr (std::is_floating_point_v<T>) {
			if (c.size() == 3 && c[1] == "rn") {
				if (op == "fma")
					return [=](Thread &t) { o[0].set(t, std::fma(o[1].get<T>(t), o[2].get<T>(t), o[3].get<T>(t))); };
				if (op == "add")
					return binary([](T a, T b) { return a + b; });
				if (op == "sub")
					return binary([](T a, T b) { return a - b; });
				if (op == "mul")
					return binary([](T a, T b) { return a * b; });
				if (op == "div")
					return binary([](T a, T b) { return a / b; });
				if (op == "sqrt")
					return unary([](T a) { return sqrt(a); });
			} else if (c.size() == 2) {
				if (op == "max")
					return binary([](T a, T b) { return std::fmax(a, b); });
				if (op == "abs")
					return unary([](T a) { return fabs(a); });
				if (op == "neg")
					return unary([](T a) { return -a; });
				if (op == "copysign")
					return binary([](T sign, T a) { return copysign(a, sign); });
			}
		} else {
			using U = std::make_unsigned_t<T>; // signed numbers wrap around, too
			auto shift = [&](auto compute) -> Instruction {
				return [=](Thread &t) {
					unsigned by = o[2].get<uint32_t>(t);
					o[0].set(t, by < 8 * sizeof(T) ? (T)compute(o[1].get<T>(t), by) : T(0));
				};
			};
			if (op == "add")
				return binary([](T a, T b) { return (U)a + (U)b; });
			if (op == "sub")
				return binary([](T a, T b) { return (U)a - (U)b; });
			if (op == "mul" && c[1] == "lo")
				return binary([](T a, T b) { return (U)a * (U)b; });
			if (op == "mul" && c[1] == "wide" && c[2] == "u32")
				return [=](Thread &t) { o[0].set(t, (uint64_t)o[1].get<uint32_t>(t) * o[2].get<uint32_t>(t)); };
			if (op == "and")
				return binary([](T a, T b) { return a & b; });
			if (op == "or")
				return binary([](T a, T b) { return a | b; });
			if (op == "not" && c[1] == "pred")
				return unary([](T a) { return !a; });
			if (op == "not")
				return unary([](T a) { return ~a; });
			if (op == "shl")
				return shift([](T a, unsigned by) { return (U)a << by; });
			if (op == "shr" && std::is_unsigned_v<T>)
				return shift([](T a, unsigned by) { return a >> by; });
		}
		fail(line);
	}
};

// load parses every entry of a module.
inline std::map<string, Kernel> load(const string &text) {
	std::map<string, Kernel> kernels;
	std::regex entry("\\.visible \\.entry (\\w+)\\(");
	for (std::sregex_iterator i(text.begin(), text.end(), entry), end; i != end; ++i) {
		size_t from = i->position(), to = text.find("\n}", from);
		kernels[(*i)[1]] = Parser(text.substr(from, to + 2 - from)).kernel;
	}
	return kernels;
}

// run is one thread's execution. Shared memory is the block's.
inline void run(const Kernel &kernel, const uint64_t *parameters) {
	alignas(16) static char shared[48 << 10];
	Thread t{vector<uint64_t>(kernel.registers), 0, parameters, shared};
	while (t.next < kernel.code.size())
		kernel.code[t.next++](t);
}

} // namespace ptx
