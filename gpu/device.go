package gpu

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// A device computes what an Engine does, with the same bits. It leaves rows to
// the CPU where it has no answer; whatever else goes wrong is an error, after
// which it is not used again. Several goroutines may use it at once.
type device interface {
	name() string
	// encode returns the codes of the rows of x, as Encode does with keep > 0
	// and EncodeThreshold with keep = 0, and lists the rows left.
	encode(ctx context.Context, x [][]float32, keep int, limit float32) (codes []Code, left []int, err error)
	// views writes the internalizers' views of z, and lists the rows left.
	views(ctx context.Context, z [][]float32, views [][][]float32) (left []int, err error)
	// decode writes the reconstructions of codes, and lists the rows left.
	decode(ctx context.Context, codes []Code, rows [][]float32) (left []int, err error)
	close()
}

// An accelerator is a device that is trusted until its first error.
type accelerator struct {
	device device
	err    atomic.Pointer[error]
}

// errClosed is why a device is not used after Close.
var errClosed = errors.New("closed")

// giveUp closes the device for good. It reports false if that was done before.
func (a *accelerator) giveUp(err error) bool {
	first := a.err.CompareAndSwap(nil, &err)
	if first {
		a.device.close()
	}
	return first
}

// Device says what the Engine computes on, for people.
func (e *Engine) Device() string {
	if e.accelerator == nil || e.accelerator.err.Load() != nil {
		return "cpu"
	}
	return e.accelerator.device.name()
}

// Close gives back what the Engine holds of a device, as the garbage collector
// does sooner or later without it. The Engine still computes afterwards, on
// the CPU.
func (e *Engine) Close() {
	if e.accelerator != nil {
		e.accelerator.giveUp(errClosed)
	}
}

// A deviceChoice is what a device string asks for.
type deviceChoice struct {
	cuda   bool // if one is there
	named  bool // by its name
	number int
}

// parseDevice reads a device string.
func parseDevice(device string) (deviceChoice, error) {
	name, text, numbered := strings.Cut(device, ":")
	number, err := strconv.ParseUint(text, 10, 16)
	switch {
	case !numbered && (name == "" || name == "auto"):
		return deviceChoice{cuda: true}, nil
	case name == "cpu" && (!numbered || err == nil): // torch numbers its one CPU too
		return deviceChoice{}, nil
	case name == "cuda" && (!numbered || err == nil):
		return deviceChoice{cuda: true, named: true, number: int(number)}, nil
	}
	return deviceChoice{}, fmt.Errorf("device %q is not known; use auto, cpu, cuda or cuda:N", device)
}

// accelerate opens the device that was chosen, and compares what it makes of a
// few vectors with what the CPU does before it is trusted. Where there is
// none, or another result, the Engine stays on the CPU.
func (e *Engine) accelerate(choice deviceChoice) {
	if !choice.cuda {
		return
	}
	device, err := openCUDA(choice.number, e.sae, e.internalizers)
	if err != nil {
		if choice.named {
			e.logger.Warn("cuda was requested but is not available; using the cpu", reason(err)...)
		}
		return
	}
	want := e.sample()
	e.accelerator = &accelerator{device: device}
	runtime.AddCleanup(e, func(a *accelerator) { a.giveUp(errClosed) }, e.accelerator)
	if !reflect.DeepEqual(e.sample(), want) {
		e.fail(errors.New("it computes other numbers than the cpu"))
	}
}

// fail gives the device up and says why, once.
func (e *Engine) fail(err error) {
	if e.accelerator.giveUp(err) {
		e.logger.Warn("the gpu failed; using the cpu from here on", "device", e.accelerator.device.name(), "err", err)
	}
}

// errNoCUDA is why a program built without the tag cuda opens no device.
var errNoCUDA = errors.New("built without cuda")

// reason is what a warning says of err. Programs built without CUDA say what
// they always said.
func reason(err error) []any {
	if errors.Is(err, errNoCUDA) {
		return nil
	}
	return []any{"err", err}
}

// sample returns what the Engine makes of a few vectors, to be compared.
func (e *Engine) sample() (results []any) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(1, 2))
	rows := newRows(5, e.sae.Dim)
	for _, row := range rows[1:] {
		for i := range row {
			row[i] = float32(r.NormFloat64())
		}
	}
	codes, err := e.Encode(ctx, rows)
	long, longErr := e.EncodeThreshold(ctx, rows)
	views, viewsErr := e.Views(ctx, rows)
	if viewsErr != nil {
		views = nil // not all were computed
	}
	return []any{codes, fmt.Sprint(err), long, fmt.Sprint(longErr), views, fmt.Sprint(viewsErr), e.Decode(codes)}
}

// onDevice lets the device work on rows. It reports false where there is none,
// or where it failed: the CPU then does all of the work.
func (e *Engine) onDevice(ctx context.Context, rows [][]float32, work func(device) error) (bool, error) {
	a := e.accelerator
	if a == nil || a.err.Load() != nil {
		return false, nil
	}
	if err := e.checkRows(rows); err != nil {
		return true, err
	}
	if err := ctx.Err(); err != nil {
		return true, err
	}
	err := work(a.device)
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return true, err
	}
	e.fail(err)
	return false, nil
}

// encodeAnywhere encodes on the device, and on the CPU what that leaves, or all.
// For keep and limit see device.
func (e *Engine) encodeAnywhere(ctx context.Context, x [][]float32, keep int, limit float32, onCPU func(x [][]float32) ([]Code, error)) ([]Code, error) {
	var codes []Code
	var left []int
	done, err := e.onDevice(ctx, x, func(d device) (err error) {
		codes, left, err = d.encode(ctx, x, keep, limit)
		return err
	})
	switch {
	case !done:
		return onCPU(x)
	case err != nil:
		return nil, err
	case len(left) == 0:
		return codes, nil
	}
	rest, err := onCPU(choose(x, left))
	if err != nil {
		return nil, renumber(err, left)
	}
	for at, row := range left {
		codes[row] = rest[at]
	}
	return codes, nil
}

// viewsAnywhere writes views from the device, and from the CPU those that it
// leaves, or all.
func (e *Engine) viewsAnywhere(ctx context.Context, z [][]float32, views [][][]float32) error {
	var left []int
	done, err := e.onDevice(ctx, z, func(d device) (err error) {
		left, err = d.views(ctx, z, views)
		return err
	})
	switch {
	case !done:
		return e.viewsOnCPU(ctx, z, views)
	case err != nil || len(left) == 0:
		return err
	}
	rest := make([][][]float32, len(views))
	for t := range views {
		rest[t] = choose(views[t], left)
	}
	return renumber(e.viewsOnCPU(ctx, choose(z, left), rest), left)
}

// decodeAnywhere writes reconstructions from the device, and from the CPU those
// that it leaves, or all.
func (e *Engine) decodeAnywhere(codes []Code, rows [][]float32) {
	ctx := context.Background()
	var left []int
	done := false
	if !slices.ContainsFunc(codes, e.isForeign) { // the CPU panics, the device would not
		done, _ = e.onDevice(ctx, nil, func(d device) (err error) {
			left, err = d.decode(ctx, codes, rows)
			return err
		})
	}
	if !done {
		for i, code := range codes {
			e.decodeOnCPU(code, rows[i])
		}
	}
	for _, i := range left {
		e.decodeOnCPU(codes[i], rows[i])
	}
}

// isForeign reports whether a code has features that the SAE does not have.
func (e *Engine) isForeign(code Code) bool {
	return slices.ContainsFunc(code.Features, func(j uint32) bool { return int(j) >= e.sae.Features })
}

// choose returns some of all.
func choose[T any](all []T, which []int) []T {
	some := make([]T, len(which))
	for at, i := range which {
		some[at] = all[i]
	}
	return some
}

// renumber makes an error about one of some rows one about the batch.
func renumber(err error, rows []int) error {
	var wrong *RowError
	if errors.As(err, &wrong) {
		return &RowError{rows[wrong.Row], wrong.Err}
	}
	return err
}
