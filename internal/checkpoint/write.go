package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// An Entry is a tensor to be written, of float32 or of int32.
type Entry struct {
	Name    string
	Shape   []int // none for a scalar
	Float32 []float32
	Int32   []int32 // used where Float32 is nil
}

// WriteSafetensors writes the entries in the safetensors format, in their
// order, with a header padded to a multiple of eight bytes.
func WriteSafetensors(w io.Writer, entries []Entry) error {
	header, err := safetensorsHeader(entries)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, e := range entries {
		if err := e.write(w); err != nil {
			return err
		}
	}
	return nil
}

// safetensorsHeader returns the padded JSON header.
func safetensorsHeader(entries []Entry) ([]byte, error) {
	header := []byte{'{'}
	seen := make(map[string]bool, len(entries))
	end := 0
	for i, e := range entries {
		n, ok := count(e.Shape)
		if !ok || n != e.len() || seen[e.Name] || e.Name == "__metadata__" {
			return nil, fmt.Errorf("tensor %s of shape %s and %d elements cannot be written", printable(e.Name), ShapeString(e.Shape), e.len())
		}
		seen[e.Name] = true
		name, err := json.Marshal(e.Name)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			header = append(header, ',')
		}
		header = fmt.Appendf(header, `%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`,
			name, e.dtype(), ShapeString(e.Shape), end, end+4*n)
		end += 4 * n
	}
	header = append(header, '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	return header, nil
}

// dtype returns the element type as safetensors names it.
func (e Entry) dtype() string {
	if e.Float32 != nil {
		return "F32"
	}
	return "I32"
}

// len returns the number of elements given.
func (e Entry) len() int {
	if e.Float32 != nil {
		return len(e.Float32)
	}
	return len(e.Int32)
}

// write writes the elements, little-endian.
func (e Entry) write(w io.Writer) error {
	if e.Float32 == nil {
		return binary.Write(w, binary.LittleEndian, e.Int32)
	}
	return WriteFloat32(w, e.Float32)
}

// WriteFloat32 writes numbers as little-endian float32, a block at a time.
func WriteFloat32(w io.Writer, numbers []float32) error {
	var block [4 << 10]byte
	for len(numbers) > 0 {
		n := min(len(numbers), len(block)/4)
		for i, v := range numbers[:n] {
			binary.LittleEndian.PutUint32(block[4*i:], math.Float32bits(v))
		}
		if _, err := w.Write(block[:4*n]); err != nil {
			return err
		}
		numbers = numbers[n:]
	}
	return nil
}
