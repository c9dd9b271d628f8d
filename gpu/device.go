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

// accelerate opens the device that was chosen. Where there is none, or none to
// be trusted, the Engine stays on the CPU.
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
	e.accelerator = &accelerator{device: device}
	runtime.AddCleanup(e, func(a *accelerator) { a.giveUp(errClosed) }, e.accelerator)
	if err := e.checkDevice(); err != nil {
		e.fail(err)
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

// checkDevice compares what the device computes with what the CPU does, on a
// few vectors.
func (e *Engine) checkDevice() error {
	host, ctx := e.host(), context.Background()
	r := rand.New(rand.NewPCG(1, 2))
	rows := newRows(5, e.sae.Dim)
	for _, row := range rows[1:] {
		for i := range row {
			row[i] = float32(r.NormFloat64())
		}
	}
	for _, what := range []struct {
		name    string
		compute func(*Engine) (any, error)
	}{
		{"TopK codes", func(e *Engine) (any, error) { return e.Encode(ctx, rows) }},
		{"threshold codes", func(e *Engine) (any, error) { return e.EncodeThreshold(ctx, rows) }},
		{"views", func(e *Engine) (any, error) { return e.Views(ctx, rows) }},
		{"reconstructions", func(e *Engine) (any, error) {
			codes, err := host.Encode(ctx, rows)
			return e.Decode(codes), err
		}},
	} {
		got, err := what.compute(e)
		want, wantErr := what.compute(host)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || err == nil && !reflect.DeepEqual(got, want) {
			return fmt.Errorf("its %s differ from the cpu's", what.name)
		}
	}
	return nil
}

// host is the Engine without its device.
func (e *Engine) host() *Engine {
	host := *e
	host.accelerator = nil
	return &host
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

// encodeOnDevice is Encode for keep > 0 and EncodeThreshold for keep = 0.
func (e *Engine) encodeOnDevice(ctx context.Context, x [][]float32, keep int, limit float32) (codes []Code, done bool, err error) {
	var left []int
	done, err = e.onDevice(ctx, x, func(d device) (err error) {
		codes, left, err = d.encode(ctx, x, keep, limit)
		return err
	})
	if !done || err != nil || len(left) == 0 {
		return codes, done, err
	}
	encode := e.host().Encode
	if keep == 0 {
		encode = e.host().EncodeThreshold
	}
	rest, err := encode(ctx, choose(x, left))
	if err != nil {
		return nil, true, renumber(err, left)
	}
	for at, row := range left {
		codes[row] = rest[at]
	}
	return codes, true, nil
}

// viewsOnDevice is Views.
func (e *Engine) viewsOnDevice(ctx context.Context, z [][]float32, views [][][]float32) (done bool, err error) {
	var left []int
	done, err = e.onDevice(ctx, z, func(d device) (err error) {
		left, err = d.views(ctx, z, views)
		return err
	})
	if !done || err != nil || len(left) == 0 {
		return done, err
	}
	rest, err := e.host().Views(ctx, choose(z, left))
	if err != nil {
		return true, renumber(err, left)
	}
	for t := range rest {
		for at, row := range left {
			copy(views[t][row], rest[t][at])
		}
	}
	return true, nil
}

// decodeOnDevice is Decode.
func (e *Engine) decodeOnDevice(codes []Code, rows [][]float32) (done bool) {
	for _, code := range codes {
		if n := len(code.Features); n > 0 && int(slices.Max(code.Features)) >= e.sae.Features {
			return false // and panic on the CPU
		}
	}
	ctx := context.Background()
	var left []int
	done, _ = e.onDevice(ctx, nil, func(d device) (err error) {
		left, err = d.decode(ctx, codes, rows)
		return err
	})
	if done && len(left) > 0 {
		for at, row := range e.host().Decode(choose(codes, left)) {
			copy(rows[left[at]], row)
		}
	}
	return done
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
