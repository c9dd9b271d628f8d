//go:build cuda && cgo && linux && amd64

package gpu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/steersight/steersight/gpu/internal/cuda"
	"github.com/steersight/steersight/model"
)

// STEERSIGHT_GPU says what the device tests run on: "" skips them where there
// is no GPU, "required" fails then, "stand-in" means that the driver is
// testdata/standin.cc, which is slow and can be told to fail.
var onStandIn = os.Getenv("STEERSIGHT_GPU") == "stand-in"

// TestStandIn builds the stand-in for NVIDIA's libraries and runs the tests of
// this package and of internal/cuda with it: all of them, as every Engine that
// is not told otherwise then computes on the device.
func TestStandIn(t *testing.T) {
	if os.Getenv("STEERSIGHT_GPU") != "" {
		t.Skip("this is such a run, or one with a GPU")
	}
	if _, err := exec.LookPath("g++"); err != nil && os.Getenv("CI") == "" {
		t.Skip("no C++ compiler")
	}
	folder := t.TempDir()
	run(t, ".", nil, "g++", "-std=c++20", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas",
		"-shared", "-fPIC", "-o", filepath.Join(folder, "libcuda.so.1"), "internal/cuda/testdata/standin.cc")
	if err := os.Symlink("libcuda.so.1", filepath.Join(folder, "libcublas.so.13")); err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(folder, "cuda.test")
	run(t, ".", nil, "go", "test", "-c", "-tags", "cuda", "-o", inner, "./internal/cuda")
	environment := []string{"STEERSIGHT_GPU=stand-in", "LD_LIBRARY_PATH=" + folder}
	run(t, "internal/cuda", environment, inner, "-test.skip", "^TestKernelsAsThreads$", "-test.bench", ".", "-test.benchtime", "1x")
	run(t, ".", environment, os.Args[0], "-test.bench", "Device", "-test.benchtime", "1x")
	run(t, ".", append(environment, "STANDIN_PTX=1"), os.Args[0], "-test.run", "^TestDeviceEqualsCPU$")

	without := []string{"STEERSIGHT_GPU=", "LD_LIBRARY_PATH=" + folder}
	run(t, ".", append(without, "STANDIN_FAIL=cuInit 1 999"), os.Args[0], "-test.run", "^TestWithoutDriver$")
	if err := os.Remove(filepath.Join(folder, "libcublas.so.13")); err != nil {
		t.Fatal(err)
	}
	run(t, ".", without, os.Args[0], "-test.run", "^TestWithoutDriver$")
}

func run(t *testing.T, folder string, environment []string, name string, arguments ...string) {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(arguments, " "), err, out)
	}
}

// openBoth opens a model on the device, with what it logs, and on the CPU.
func openBoth(t testing.TB, sae *model.SAE, internalizers ...*model.Internalizer) (device, host *Engine, log *bytes.Buffer) {
	t.Helper()
	log = new(bytes.Buffer)
	device, err := Open(sae, internalizers, Options{Device: "cuda", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(device.Close)
	switch {
	case device.accelerator != nil:
	case os.Getenv("STEERSIGHT_GPU") == "":
		t.Skip(log)
	default:
		t.Fatal(log)
	}
	if host, err = Open(sae, internalizers, Options{Device: "cpu"}); err != nil {
		t.Fatal(err)
	}
	return device, host, log
}

// checkSame compares what the two engines make of rows. distinct is how many
// of the rows there are before they repeat.
func checkSame(t *testing.T, device, host *Engine, rows [][]float32, distinct int) {
	t.Helper()
	distinct = min(distinct, len(rows))
	for name, encode := range map[string]func(*Engine, context.Context, [][]float32) ([]Code, error){
		"TopK": (*Engine).Encode, "threshold": (*Engine).EncodeThreshold,
	} {
		want, err := encode(host, ctx, rows[:distinct])
		if err != nil {
			t.Fatal(err)
		}
		got, err := encode(device, ctx, rows)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			w := want[i%distinct]
			if !slices.Equal(got[i].Features, w.Features) || !sameBits(got[i].Activations, w.Activations) {
				t.Fatalf("row %d of %d: its %s code is %v, on the cpu %v", i, len(rows), name, got[i], w)
			}
		}
		if !slices.EqualFunc(device.Decode(got), repeat(host.Decode(want), len(rows)), sameBits) {
			t.Fatalf("%d rows: reconstructions of the %s codes differ", len(rows), name)
		}
	}
	want, err := host.Views(ctx, rows[:distinct])
	if err != nil {
		t.Fatal(err)
	}
	got, err := device.Views(ctx, rows)
	if err != nil {
		t.Fatal(err)
	}
	for v := range want {
		if !slices.EqualFunc(got[v], repeat(want[v], len(rows)), sameBits) {
			t.Fatalf("%d rows: view %d differs", len(rows), v)
		}
	}
}

var ctx = context.Background()

// sameBits tells -0 from 0, and is faster than reflection.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func repeat(rows [][]float32, n int) [][]float32 {
	all := make([][]float32, n)
	for i := range all {
		all[i] = rows[i%len(rows)]
	}
	return all
}

func randomRows(r *rand.Rand, n, dim int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = randomVector(r, dim)
	}
	return rows
}

func TestDeviceEqualsCPU(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, kind := range kinds {
		for _, shape := range []struct{ dim, features, k int }{
			{24, 96, 5}, {1, 1, 1}, {31, 1337, 256}, {64, 130, 1}, {33, 500, 16}, {100, 4099, 64}, {7, 600, 257},
		} {
			t.Run(fmt.Sprint(kind, shape), func(t *testing.T) {
				sae := randomSAE(r, shape.dim, shape.features, shape.k, kind)
				device, host, log := openBoth(t, sae, randomInternalizer(r, shape.dim, 9), randomInternalizer(r, shape.dim, 70))
				rows := randomRows(r, 11, shape.dim)
				rows[1] = make([]float32, shape.dim)
				rows[2] = sae.DecoderBias
				checkSame(t, device, host, rows, len(rows))
				if log.Len() > 0 {
					t.Errorf("logged %s", log)
				}
			})
		}
	}
}

// TestDeviceAtSize is TestDeviceEqualsCPU with models and batches as they are.
func TestDeviceAtSize(t *testing.T) {
	dims, features, batches := []int{384, 768, 1024, 4096}, []int{4096, 32768, 65537}, []int{1, 7, 256, 65536}
	if onStandIn {
		dims, features, batches = []int{384}, []int{4096}, []int{1, 7, 64}
	}
	const distinct = 64 // the rest repeats them
	for _, dim := range dims {
		for _, n := range features {
			r := rand.New(rand.NewPCG(uint64(dim), uint64(n)))
			sae, m := randomSAE(r, dim, n, 0, "random"), randomInternalizer(r, dim, 128)
			sae.Threshold = 5 // of activations whose standard deviation is near 1.7
			rows := repeat(randomRows(r, distinct, dim), batches[len(batches)-1])
			for _, sae.K = range []int{16, 64, 128} {
				device, host, log := openBoth(t, sae, m)
				for _, batch := range batches {
					checkSame(t, device, host, rows[:batch], distinct)
				}
				if log.Len() > 0 {
					t.Errorf("logged %s", log)
				}
				device.Close()
				t.Logf("dim %d, %d features, k %d: same bits", dim, n, sae.K)
			}
		}
	}
}

// TestDeviceInChunks has so little memory that a batch takes many chunks.
func TestDeviceInChunks(t *testing.T) {
	if onStandIn { // a GPU has large models for that
		t.Setenv("STANDIN_MEMORY", fmt.Sprint(70<<20))
	}
	r := rand.New(rand.NewPCG(35, 36))
	device, host, _ := openBoth(t, randomSAE(r, 8, 40, 4, "random"), randomInternalizer(r, 8, 3), randomInternalizer(r, 8, 5))
	rows := randomRows(r, 4097, 8)
	for _, batch := range []int{0, 1, 15, 16, 17, 33, 48, 4097} {
		checkSame(t, device, host, rows[:batch], batch)
	}
}

// TestDeviceScreensWell requires that the device leaves no row of an ordinary
// model to the CPU.
func TestDeviceScreensWell(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	device, _, _ := openBoth(t, randomSAE(r, 64, 2000, 64, "random"))
	_, left, err := device.accelerator.device.encode(ctx, randomRows(r, 100, 64), 64, 0)
	if err != nil || len(left) > 0 {
		t.Errorf("rows %v are left, error %v", left, err)
	}
}

func TestDeviceBySeveralGoroutines(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	device, host, _ := openBoth(t, randomSAE(r, 40, 300, 12, "random"))
	rows := randomRows(r, 60, 40)
	want, err := host.Encode(ctx, rows)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			if got, err := device.Encode(ctx, rows); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("another result, error %v", err)
			}
		})
	}
	running.Wait()
}

func TestDeviceErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	sae := randomSAE(r, 24, 50, 5, "random")
	device, host, log := openBoth(t, sae)
	device.accelerator.device.close()
	rows := randomRows(r, 5, 24)
	rows[3][7] = float32(math.NaN())
	if _, err := device.Encode(ctx, rows); err == nil || err.Error() != "row 3: number 7 of the vector is NaN" {
		t.Errorf("error %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := device.Encode(cancelled, rows[:2]); !errors.Is(err, context.Canceled) || log.Len() > 0 {
		t.Errorf("error %v, log %s", err, log)
	}
	got, err := device.Encode(ctx, rows[:2]) // finds out that the device is closed
	want, _ := host.Encode(ctx, rows[:2])
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("codes %v, error %v", got, err)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "using the cpu from here on") {
		t.Errorf("logged %s", text)
	}
	device.Close()
	device.Close()
	if got, err := device.Encode(ctx, rows[:2]); err != nil || !reflect.DeepEqual(got, want) || device.Device() != "cpu" {
		t.Errorf("after Close: codes %v, error %v, device %s", got, err, device.Device())
	}
}

// TestDeviceFails makes calls of the driver fail, at first and later.
func TestDeviceFails(t *testing.T) {
	if !onStandIn {
		t.Skip("needs the stand-in")
	}
	r := rand.New(rand.NewPCG(29, 30))
	sae := randomSAE(r, 24, 200, 5, "random")
	m := randomInternalizer(r, 24, 8)
	rows := randomRows(r, 20, 24)
	for _, call := range []string{"cuDeviceGet 1 101", "cuDeviceGetName 1 1", "cuDevicePrimaryCtxRetain 1 2", "cuCtxSetCurrent 1 201", "cuMemGetInfo 1 1",
		"cuMemAlloc 1 2", "cuMemAlloc 3 2", "cuMemAlloc 10 2", "cuMemHostAlloc 1 2", "cuMemHostAlloc 2 1", "cuMemcpyHtoD 1 700", "cuCtxSynchronize 1 700",
		"cuStreamCreate 2 1", "cuEventCreate 1 1", "cuModuleLoadData 1 209", "cuModuleGetFunction 3 500",
		"cublasCreate 2 3", "cublasSetStream 1 1", "cublasSetWorkspace 1 1", "cuLaunchKernel 1 719", "cuEventSynchronize 1 700"} {
		t.Run(call, func(t *testing.T) {
			t.Setenv("STANDIN_FAIL", call)
			var log bytes.Buffer
			e, err := Open(sae, []*model.Internalizer{m}, Options{Device: "cuda", Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil || e.Device() != "cpu" || strings.Count(log.String(), "using the cpu") != 1 {
				t.Errorf("error %v, device %s, logged %q", err, e.Device(), log.String())
			}
		})
	}
	for _, call := range []string{"cuCtxSetCurrent 1 201", "cuMemcpyHtoDAsync 1 700", "cuMemcpyHtoDAsync 2 700", "cuLaunchKernel 1 719", "cuLaunchKernel 2 719", "cuLaunchKernel 4 719",
		"cublasGemmEx 1 14", "cuMemcpyDtoHAsync 1 700", "cuMemcpyDtoHAsync 3 700", "cuEventRecord 1 700", "cuEventSynchronize 1 700"} {
		t.Run("later "+call, func(t *testing.T) {
			device, host, log := openBoth(t, sae, m)
			t.Setenv("STANDIN_FAIL", call)
			checkSame(t, device, host, rows, len(rows))
			if text := log.String(); device.Device() != "cpu" || strings.Count(text, "\n") != 1 || !strings.Contains(text, "using the cpu from here on") {
				t.Errorf("device %s, logged %q", device.Device(), text)
			}
		})
	}
}

// TestDeadDevice kills the GPU's context by reading where nothing is. Nothing
// of CUDA works thereafter in the process, so that it is another one's.
func TestDeadDevice(t *testing.T) {
	if onStandIn {
		t.Skip("the stand-in would crash")
	}
	r := rand.New(rand.NewPCG(31, 32))
	device, host, log := openBoth(t, randomSAE(r, 24, 200, 5, "random"))
	const child = "STEERSIGHT_DEAD_DEVICE"
	if os.Getenv(child) == "" {
		device.Close()
		run(t, ".", []string{child + "=1"}, os.Args[0], "-test.run", "^TestDeadDevice$")
		return
	}
	broken := []Code{{[]uint32{math.MaxUint32}, []float32{1}}}
	if _, err := device.accelerator.device.decode(ctx, broken, newRows(1, 24)); err == nil {
		t.Fatal("reading beyond memory is no error")
	}
	rows := randomRows(r, 20, 24)
	checkSame(t, device, host, rows, len(rows))
	if !strings.Contains(log.String(), "using the cpu from here on") {
		t.Errorf("logged %q", log)
	}
}

// TestWithoutDriver is about programs built with the tag on machines where the
// driver or a part of it is missing.
func TestWithoutDriver(t *testing.T) {
	if _, err := cuda.Open(0, randomSAE(rand.New(rand.NewPCG(1, 1)), 4, 4, 1, "random"), nil); err == nil {
		t.Skip("there is a GPU")
	}
	var log bytes.Buffer
	e, err := Open(randomSAE(rand.New(rand.NewPCG(1, 1)), 4, 4, 1, "random"), nil, Options{Device: "cuda", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil || e.Device() != "cpu" || !strings.Contains(log.String(), "cuda was requested but is not available; using the cpu") {
		t.Errorf("error %v, device %s, logged %q", err, e.Device(), log.String())
	}
	t.Log(log.String())
}

func BenchmarkDevice(b *testing.B) {
	dim, features, hidden, batch := 1024, 32768, 1024, 65536
	if onStandIn {
		dim, features, hidden, batch = 64, 256, 16, 8
	}
	r := rand.New(rand.NewPCG(33, 34))
	m := randomInternalizer(r, dim, hidden)
	device, _, _ := openBoth(b, randomSAE(r, dim, features, 64, "random"), m, m, m)
	rows := repeat(randomRows(r, min(batch, 4096), dim), batch)
	codes, err := device.Encode(ctx, rows)
	if err != nil {
		b.Fatal(err)
	}
	for name, work := range map[string]func() error{
		"encode": func() error { _, err := device.Encode(ctx, rows); return err },
		"views":  func() error { _, err := device.Views(ctx, rows); return err },
		"decode": func() error { device.Decode(codes); return nil },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := work(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(batch)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
