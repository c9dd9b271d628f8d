//go:build cuda && cgo && linux && amd64

package cuda

import (
	"errors"
	"unsafe"

	"gorgonia.org/cu"
)

// A slot is a stream with memory of its own: what a chunk of a batch needs.
type slot struct {
	stream    cu.Stream
	done      cu.Event // after the work that was started last
	blas      blas
	workspace cu.DevicePtr
	host      unsafe.Pointer // pinned
	device    cu.DevicePtr

	finish func() // takes the results of the work under way; nil where none is
}

// newSlot makes a slot. What it could not get it does not hold.
func newSlot(size layout) (*slot, error) {
	s := &slot{}
	err := s.open(size)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *slot) open(size layout) (err error) {
	if s.device, err = cu.MemAlloc(int64(size.device)); err != nil {
		return wrap("allocate device memory", err)
	}
	if s.workspace, err = cu.MemAlloc(workspaceSize); err != nil {
		return wrap("allocate device memory", err)
	}
	if s.host, err = hostAlloc(size.host); err != nil {
		return wrap("allocate pinned memory", err)
	}
	if s.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return wrap("create stream", err)
	}
	if s.done, err = cu.MakeEvent(cu.BlockingSyncEvent | cu.DisableTiming); err != nil {
		return wrap("create event", err)
	}
	s.blas, err = newBLAS(s.stream, s.workspace)
	return err
}

// close gives back what the slot holds. After an error of CUDA's that may
// fail; nothing can be done about it then.
func (s *slot) close() {
	s.blas.close()
	if s.done != (cu.Event{}) {
		_ = cu.DestroyEvent(&s.done)
	}
	if s.stream != (cu.Stream{}) {
		_ = s.stream.Destroy()
	}
	if s.host != nil {
		_ = cu.MemFreeHost(s.host)
	}
	for _, p := range []cu.DevicePtr{s.device, s.workspace} {
		if p != 0 {
			_ = cu.MemFree(p)
		}
	}
}

// start records that work has been queued, whose results finish takes.
func (s *slot) start(finish func()) error {
	s.finish = finish
	return wrap("record event", s.done.Record(s.stream))
}

// collect waits for the work under way and takes its results.
func (s *slot) collect() error {
	if s.finish == nil {
		return nil
	}
	finish := s.finish
	s.finish = nil
	if err := s.done.Synchronize(); err != nil {
		return wrap("wait for the device", err)
	}
	finish()
	return nil
}

// abandon waits for the work under way and drops its results.
func (s *slot) abandon() {
	s.finish = nil
	_ = s.stream.Synchronize()
}

// A layout hands out the memory of a slot from its beginning, and so also says
// how much there must be.
type layout struct{ host, device int }

// alignment suits every access of the kernels and of cuBLAS.
const alignment = 256

// onHost returns the offset of the next bytes of pinned memory.
func (l *layout) onHost(bytes int) int {
	at := l.host
	l.host += (bytes + alignment - 1) &^ (alignment - 1)
	return at
}

// onDevice is onHost for device memory.
func (l *layout) onDevice(bytes int) cu.DevicePtr {
	at := l.device
	l.device += (bytes + alignment - 1) &^ (alignment - 1)
	return cu.DevicePtr(at)
}

// both takes as much of each.
func (l *layout) both(bytes int) buffer { return buffer{l.onHost(bytes), l.onDevice(bytes), bytes} }

// A buffer is memory of a slot that is there twice, to be copied across.
type buffer struct {
	host   int
	device cu.DevicePtr // from the slot's device memory on
	bytes  int
}

// hostSlice is the pinned side of b.
func hostSlice[T any](s *slot, b buffer) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Add(s.host, b.host)), b.bytes/int(unsafe.Sizeof(t)))
}

// send queues copies to the device.
func (s *slot) send(all ...buffer) error {
	var err error
	for _, b := range all {
		if b.bytes == 0 {
			continue
		}
		err = errors.Join(err, wrap("copy to the device",
			cu.MemcpyHtoDAsync(s.device+b.device, unsafe.Add(s.host, b.host), int64(b.bytes), s.stream)))
	}
	return err
}

// receive queues copies from the device.
func (s *slot) receive(all ...buffer) error {
	var err error
	for _, b := range all {
		if b.bytes == 0 {
			continue
		}
		err = errors.Join(err, wrap("copy from the device",
			cu.MemcpyDtoHAsync(unsafe.Add(s.host, b.host), s.device+b.device, int64(b.bytes), s.stream)))
	}
	return err
}
