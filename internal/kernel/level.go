package kernel

import (
	"fmt"
	"os"
)

// A Level is a set of kernels.
type Level string

// The levels.
const (
	Generic Level = "generic" // Go
	AVX2    Level = "avx2"    // with FMA
	AVX512  Level = "avx512"  // F, DQ and VL
)

// levelVariable forces a level, for tests and comparisons.
const levelVariable = "STEERSIGHT_CPU"

// level is the one in use, chosen when the program starts.
var level, levelErr = choose(os.Getenv(levelVariable), best())

// choose returns the level that is forced, or the best one.
func choose(forced string, best Level) (Level, error) {
	order := []Level{Generic, AVX2, AVX512}
	for _, l := range order {
		if Level(forced) == l {
			return l, nil
		}
		if l == best {
			break
		}
	}
	if forced == "" {
		return best, nil
	}
	return best, fmt.Errorf("%s=%s: this cpu has generic up to %s; using %s", levelVariable, forced, best, best)
}

// InUse returns the level in use, and an error if another one was asked for
// that the CPU does not have.
func InUse() (Level, error) { return level, levelErr }

// With runs f with another level in use, and reports whether the CPU has that
// level. It is for tests: nothing else may compute meanwhile.
func With(l Level, f func()) bool {
	got, err := choose(string(l), best())
	if err != nil {
		return false
	}
	defer func(before Level) { level = before }(level)
	level = got
	f()
	return true
}
