//go:build cuda && cgo && linux && amd64

package cuda

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestKernelsAsThreads runs the kernels with a thread of the operating system
// for each of CUDA's, compares them with brute force and looks for races and
// for accesses beyond memory.
func TestKernelsAsThreads(t *testing.T) {
	for _, sanitizer := range []string{"thread", "address,undefined"} {
		program := filepath.Join(t.TempDir(), "threads")
		compile(t, "-O1", "-g", "-fsanitize="+sanitizer, "-fno-sanitize-recover=all", "-o", program, "testdata/threads.cc")
		if out, err := exec.Command(program).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", sanitizer, err, out)
		}
	}
}

// compile runs the C++ compiler; without one the test is skipped, but not in CI.
func compile(t *testing.T, arguments ...string) {
	t.Helper()
	if _, err := exec.LookPath("g++"); err != nil && os.Getenv("CI") == "" {
		t.Skip("no C++ compiler")
	}
	flags := []string{"-std=c++20", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"}
	if out, err := exec.Command("g++", append(flags, arguments...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
