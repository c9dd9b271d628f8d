//go:build cuda && cgo && linux && amd64

package cuda

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/steersight/steersight/model"
	"gorgonia.org/cu"
)

// maxRows is how many rows a chunk has at most: enough to keep a large GPU
// busy for a millisecond.
const maxRows = 2048

// A Device is a GPU that holds a feature model. It may be used by several
// goroutines at once, which take turns.
type Device struct {
	Name string

	sae           *model.SAE
	internalizers []*model.Internalizer
	screen        screen

	mu      sync.Mutex // held while CUDA is at work for us
	closed  bool
	device  cu.Device
	context cu.CUContext
	kernels kernels
	weights weights
	slots   []*slot
	rows    int // of a chunk
}

// weights are the model's numbers on the device.
type weights struct {
	encoder, rounded, encoderBias, decoder, decoderBias cu.DevicePtr
	internalizers                                       []layers
	all                                                 []cu.DevicePtr
}

// layers are those of an internalizer.
type layers struct{ w1, b1, w2, b2 cu.DevicePtr }

// Open makes a Device of GPU number, from 0, and copies the model there.
func Open(number int, sae *model.SAE, internalizers []*model.Internalizer) (*Device, error) {
	if err := checkDriver(); err != nil {
		return nil, err
	}
	d := &Device{sae: sae, internalizers: internalizers, screen: newScreen(sae)}
	device, err := cu.GetDevice(number)
	if err != nil {
		return nil, wrap(fmt.Sprintf("device %d", number), err)
	}
	d.device = device
	if d.context, err = device.RetainPrimaryCtx(); err != nil {
		return nil, wrap(fmt.Sprintf("device %d: open context", number), err)
	}
	if err := d.do(d.open); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// do runs work with the device's context, one caller at a time. CUDA knows the
// context by the thread, which Go must not change meanwhile.
func (d *Device) do(work func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("the device is closed")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(d.context); err != nil {
		return wrap("use context", err)
	}
	return work()
}

func (d *Device) open() (err error) {
	if d.Name, err = d.device.Name(); err != nil {
		return wrap("name", err)
	}
	if d.kernels, err = loadKernels(); err != nil {
		return err
	}
	if err := d.upload(); err != nil {
		return err
	}
	return d.openSlots()
}

// Close gives the GPU back. The Device cannot be used afterwards.
func (d *Device) Close() {
	_ = d.do(func() error {
		d.closed = true
		d.closeSlots()
		for _, p := range d.weights.all {
			_ = cu.MemFree(p)
		}
		if d.kernels.module != (cu.Module{}) {
			_ = d.kernels.module.Unload()
		}
		return d.device.ReleasePrimaryCtx()
	})
}

// upload copies the model.
func (d *Device) upload() error {
	var err error
	put := func(numbers []float32) cu.DevicePtr {
		if err != nil {
			return 0
		}
		var p cu.DevicePtr
		if p, err = cu.MemAlloc(int64(max(4*len(numbers), 4))); err != nil {
			err = wrap("allocate device memory for the model", err)
			return 0
		}
		d.weights.all = append(d.weights.all, p)
		if len(numbers) > 0 {
			err = wrap("copy the model to the device", cu.MemcpyHtoD(p, unsafe.Pointer(&numbers[0]), int64(4*len(numbers))))
		}
		return p
	}
	w, sae := &d.weights, d.sae
	w.encoder, w.encoderBias = put(sae.EncoderWeight), put(sae.EncoderBias)
	rounded := slices.Clone(sae.EncoderWeight)
	for i, x := range rounded {
		rounded[i] = roundTF32(x)
	}
	w.rounded = put(rounded)
	w.decoder, w.decoderBias = put(sae.Decoder), put(sae.DecoderBias)
	for _, r := range d.internalizers {
		w.internalizers = append(w.internalizers, layers{put(r.W1), put(r.B1), put(r.W2), put(r.B2)})
	}
	if err != nil {
		return err
	}
	return wrap("copy the model to the device", cu.Synchronize()) // the slots' streams do not wait for these copies
}

// openSlots makes two slots for as many rows as the free memory allows.
func (d *Device) openSlots() error {
	free, _, err := cu.MemInfo()
	if err != nil {
		return wrap("free memory", err)
	}
	const least = 16
	d.rows = maxRows
	for d.rows > least && 2*(int64(d.size(d.rows).device)+workspaceSize) > free/10*9 {
		d.rows /= 2
	}
	for {
		err := d.trySlots()
		if err == nil || d.rows <= least || !errors.Is(err, cu.OutOfMemory) {
			return err
		}
		d.rows /= 2
	}
}

func (d *Device) trySlots() error {
	for range 2 {
		s, err := newSlot(d.size(d.rows))
		if err != nil {
			d.closeSlots()
			return err
		}
		d.slots = append(d.slots, s)
	}
	return nil
}

func (d *Device) closeSlots() {
	for _, s := range d.slots {
		s.close()
	}
	d.slots = nil
}

// size is the memory that a chunk of rows takes, whatever is done with it.
func (d *Device) size(rows int) layout {
	var encode, views, decode layout
	d.encodeBuffers(&encode, rows, candidates)
	d.viewBuffers(&views, rows)
	d.decodeBuffers(&decode, rows, rows*decodeEntries)
	return layout{
		host:   max(encode.host, views.host, decode.host),
		device: max(encode.device, views.device, decode.device),
	}
}

// run cuts n rows into chunks and hands them to the slots in turn: begin queues
// the work for rows from to to and returns what takes the results.
func (d *Device) run(ctx context.Context, n int, begin func(s *slot, from, to int) (func(), error)) error {
	return d.do(func() error {
		if err := d.chunks(ctx, n, begin); err != nil {
			for _, s := range d.slots {
				s.abandon()
			}
			return err
		}
		return nil
	})
}

func (d *Device) chunks(ctx context.Context, n int, begin func(s *slot, from, to int) (func(), error)) error {
	turn := 0
	for from := 0; from < n; from += d.rows {
		s := d.slots[turn%len(d.slots)]
		turn++
		if err := s.collect(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		finish, err := begin(s, from, min(n, from+d.rows))
		if err != nil {
			return err
		}
		if err := s.start(finish); err != nil {
			return err
		}
	}
	for range d.slots { // the oldest first
		if err := d.slots[turn%len(d.slots)].collect(); err != nil {
			return err
		}
		turn++
	}
	return nil
}

// copyWorkers is how many goroutines copy rows to and from pinned memory; one
// would be slower than the GPU.
const copyWorkers = 8

// eachRow calls use for rows 0 to n, on some goroutines where there are many.
func eachRow(n int, use func(row int)) {
	share := max(blocks(n, copyWorkers), 64)
	var running sync.WaitGroup
	for from := 0; from < n; from += share {
		running.Go(func() {
			for row := from; row < min(n, from+share); row++ {
				use(row)
			}
		})
	}
	running.Wait()
}

// allRows lists rows 0 to n.
func allRows(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// fill copies rows to pinned memory.
func fill(pinned []float32, rows [][]float32) {
	eachRow(len(rows), func(row int) { copy(pinned[row*len(rows[row]):], rows[row]) })
}
