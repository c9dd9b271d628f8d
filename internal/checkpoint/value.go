package checkpoint

import (
	"fmt"
	"math/big"
)

// A Value is what a checkpoint holds at one place. Its dynamic type is one of
// nil (None), bool, int64, *big.Int, float64, string, []byte, *List, Tuple,
// *Dict, *Tensor, DType or something opaque that only its Kind describes.
//
// Values share their parts, and may contain themselves: code that walks them
// must bound its own depth and work.
type Value any

// A Tuple is a Python tuple or a torch.Size.
type Tuple []Value

// A List is a Python list.
type List struct{ Items []Value }

// A Dict is a Python dict or OrderedDict: entries in order of first insertion.
type Dict struct {
	keys   []Value
	values []Value
	index  map[string]int // of the string keys
}

// Len returns the number of entries.
func (d *Dict) Len() int { return len(d.keys) }

// Keys returns the keys that are strings, in order.
func (d *Dict) Keys() []string {
	keys := make([]string, 0, len(d.index))
	for _, k := range d.keys {
		if s, ok := k.(string); ok {
			keys = append(keys, s)
		}
	}
	return keys
}

// Get returns the value of a string key.
func (d *Dict) Get(key string) (Value, bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	if t, ok := d.values[i].(*Tensor); ok {
		named := *t
		named.Name = key
		return &named, true
	}
	return d.values[i], true
}

// OtherKey returns the first key that is not a string.
func (d *Dict) OtherKey() (Value, bool) {
	if len(d.index) == len(d.keys) {
		return nil, false
	}
	for _, k := range d.keys {
		if _, ok := k.(string); !ok {
			return k, true
		}
	}
	return nil, false
}

// set stores a value, in the place of an older one of the same string key.
func (d *Dict) set(key, value Value) error {
	switch k := key.(type) {
	case string:
		if i, ok := d.index[k]; ok {
			d.values[i] = value
			return nil
		}
		if d.index == nil {
			d.index = make(map[string]int)
		}
		d.index[k] = len(d.keys)
	case nil, bool, int64, float64, *big.Int, []byte, Tuple, DType:
	default:
		return fmt.Errorf("a dict key is %s", Kind(key))
	}
	d.keys = append(d.keys, key)
	d.values = append(d.values, value)
	return nil
}

// Kind returns a value's type in words, as "a Python int".
func Kind(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a Python bool"
	case int64, *big.Int:
		return "a Python int"
	case float64:
		return "a Python float"
	case string:
		return "a string"
	case []byte:
		return "bytes"
	case *List:
		return "a list"
	case Tuple:
		return "a tuple"
	case *Dict:
		return "a dict"
	case *Tensor:
		return "a tensor"
	case DType:
		return "an element type"
	case *storage:
		return "a bare storage"
	case global:
		return "the global " + printable(string(v))
	}
	return "an object"
}
