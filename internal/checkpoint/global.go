package checkpoint

import (
	"errors"
	"fmt"
	"math"
)

// A global is a class or function that a pickle names. All that exist are in
// this file; none of them is more than a way to write down a value.
type global string

const (
	globalOrderedDict    global = "collections.OrderedDict"
	globalSize           global = "torch.Size"
	globalDevice         global = "torch.device"
	globalTensor         global = "torch._utils._rebuild_tensor"
	globalTensor2        global = "torch._utils._rebuild_tensor_v2"
	globalTensor3        global = "torch._utils._rebuild_tensor_v3"
	globalParameter      global = "torch._utils._rebuild_parameter"
	globalParameterState global = "torch._utils._rebuild_parameter_with_state"
)

// A storageType is a storage class of torch.
type storageType DType

// global pushes what a pickle names, if that is on the list.
func (u *unpickler) global(module, name string) error {
	full := module + "." + name
	switch global(full) {
	case globalOrderedDict, globalSize, globalDevice, globalTensor, globalTensor2, globalTensor3,
		globalParameter, globalParameterState:
		u.push(global(full))
		return nil
	}
	if d, ok := storageTypes[full]; ok {
		u.push(storageType(d))
		return nil
	}
	if d, ok := torchTypes[full]; ok {
		u.push(d)
		return nil
	}
	return refusedGlobal(full)
}

// A refusedGlobal is the name of a class or function that is not on the list.
type refusedGlobal string

func (g refusedGlobal) Error() string {
	return fmt.Sprintf("refuses the global %s: %v", printable(string(g)), ErrCall)
}

func (refusedGlobal) Is(target error) bool { return target == ErrCall }

// call returns the value that a call of a global stands for.
func (u *unpickler) call(callee Value, args Tuple) (Value, error) {
	g, ok := callee.(global)
	if !ok {
		return nil, fmt.Errorf("%w: %s is called", ErrCall, Kind(callee))
	}
	switch g {
	case globalOrderedDict:
		return orderedDict(args)
	case globalSize:
		if len(args) == 1 {
			if size, ok := args[0].(Tuple); ok {
				return size, nil
			}
		}
	case globalDevice:
		if len(args) > 0 {
			if name, ok := args[0].(string); ok {
				return name, nil
			}
		}
	case globalParameter, globalParameterState:
		if len(args) >= 1 {
			if t, ok := args[0].(*Tensor); ok {
				return t, nil
			}
		}
	default:
		t, err := rebuildTensor(g, args)
		if err != nil {
			return nil, u.inTensor(err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("arguments of %s cannot be read", g)
}

// inTensor says in err which tensor is being built: at that moment its key is
// the value on top of the stack.
func (u *unpickler) inTensor(err error) error {
	if v, e := u.top(); e == nil {
		if key, ok := v.(string); ok {
			return fmt.Errorf("tensor %s: %w", printable(key), err)
		}
	}
	return err
}

// orderedDict returns a new dict; Python 2 wrote its items as a list of pairs.
func orderedDict(args Tuple) (Value, error) {
	d := &Dict{}
	if len(args) == 0 {
		return d, nil
	}
	l, ok := args[0].(*List)
	if !ok || len(args) > 1 {
		return nil, fmt.Errorf("arguments of %s cannot be read", globalOrderedDict)
	}
	for _, item := range l.Items {
		var pair []Value
		switch v := item.(type) {
		case Tuple:
			pair = v
		case *List:
			pair = v.Items
		}
		if len(pair) != 2 {
			return nil, fmt.Errorf("an item of %s is %s, not a pair", globalOrderedDict, Kind(item))
		}
		if err := d.set(pair[0], pair[1]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// rebuildTensor returns the tensor of a call
//
//	_rebuild_tensor(storage, offset, size, stride)
//	_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata = None)
//	_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata = None)
func rebuildTensor(g global, args Tuple) (*Tensor, error) {
	least, metadata := 4, 6
	switch g {
	case globalTensor2:
		least = 5
	case globalTensor3:
		least, metadata = 7, 7
	}
	if len(args) < least {
		return nil, fmt.Errorf("%s has %d arguments", g, len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("storage is %s", Kind(args[0]))
	}
	offset, ok := args[1].(int64)
	if !ok {
		return nil, fmt.Errorf("offset is %s", Kind(args[1]))
	}
	shape, err := dimensions(args[2])
	if err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	strides, err := dimensions(args[3])
	if err != nil {
		return nil, fmt.Errorf("stride: %w", err)
	}
	if len(args) > metadata {
		if d, ok := args[metadata].(*Dict); args[metadata] != nil && (!ok || d.Len() > 0) {
			return nil, fmt.Errorf("%w: a conjugate or negative view", ErrUnsupported)
		}
	}
	dtype := s.dtype
	if g == globalTensor3 {
		if dtype, ok = args[6].(DType); !ok {
			return nil, fmt.Errorf("element type is %s", Kind(args[6]))
		}
	}
	return newTensor(s, dtype, offset, shape, strides)
}

// dimensions reads a tuple of sizes or strides.
func dimensions(v Value) ([]int, error) {
	t, ok := v.(Tuple)
	if !ok {
		return nil, fmt.Errorf("%s, not a tuple", Kind(v))
	}
	if len(t) > maxDims {
		return nil, fmt.Errorf("%d dimensions, more than %d", len(t), maxDims)
	}
	dims := make([]int, len(t))
	for i, v := range t {
		n, ok := v.(int64)
		if !ok || n < 0 || n > math.MaxInt {
			return nil, fmt.Errorf("dimension %d is out of bounds", i)
		}
		dims[i] = int(n)
	}
	return dims, nil
}

// A storageID is a torch storage's persistent id.
type storageID struct {
	dtype DType
	key   string
	elems int64
	view  Value // of the legacy format: None, or (key, offset, elements)
}

// readStorageID reads the tuple ("storage", class, key, location, elements),
// which in the legacy format ends with a view. The location names a device and
// does not matter.
func readStorageID(id Tuple) (storageID, error) {
	var s storageID
	if len(id) == 0 {
		return s, errors.New("persistent id is empty")
	}
	if kind, _ := id[0].(string); kind != "storage" {
		if kind == "module" {
			return s, fmt.Errorf("%w: a pickled module; save its state_dict", ErrCall)
		}
		return s, errors.New("persistent id is not of a storage")
	}
	if len(id) != 5 && len(id) != 6 {
		return s, fmt.Errorf("persistent id has %d parts", len(id))
	}
	class, ok := id[1].(storageType)
	if !ok {
		return s, fmt.Errorf("storage class is %s", Kind(id[1]))
	}
	s.dtype = DType(class)
	if s.key, ok = id[2].(string); !ok {
		return s, fmt.Errorf("storage key is %s", Kind(id[2]))
	}
	if s.elems, ok = id[4].(int64); !ok || s.elems < 0 || s.elems > math.MaxInt/16 {
		return s, fmt.Errorf("size of storage %s is out of bounds", printable(s.key))
	}
	if len(id) == 6 {
		s.view = id[5]
	}
	return s, nil
}
