package embed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// unitVectors parses the vectors of a batch and puts them, at unit length,
// into out, which has a place for each. All must have dim dimensions, or those
// of the first if dim is 0; it returns how many that is. Errors name a text by
// its index counted from first.
func unitVectors(answer []json.RawMessage, dim, first int, out [][]float32) (int, error) {
	var backing []float32
	for i, raw := range answer {
		v, err := parseVector(raw)
		if err != nil {
			return 0, fmt.Errorf("text %d: %w", first+i, err)
		}
		if dim == 0 {
			dim = len(v)
		}
		if len(v) != dim {
			return 0, dimensionError(first+i, len(v), dim)
		}
		if backing == nil {
			backing = make([]float32, dim*len(answer))
		}
		out[i] = backing[i*dim : (i+1)*dim : (i+1)*dim]
		if unit(out[i], v) == 0 {
			return 0, fmt.Errorf("text %d: vector of length zero", first+i)
		}
	}
	return dim, nil
}

func dimensionError(text, have, want int) error {
	return fmt.Errorf("text %d: vector of %d dimensions, not %d", text, have, want)
}

// parseVector reads a JSON array of numbers, given as valid JSON. It does so by
// hand because encoding/json reads null as 0.
func parseVector(raw json.RawMessage) ([]float64, error) {
	items, open := bytes.CutPrefix(bytes.TrimSpace(raw), []byte("["))
	items, closed := bytes.CutSuffix(items, []byte("]"))
	if !open || !closed {
		return nil, errors.New("not an array of numbers")
	}
	if len(bytes.TrimSpace(items)) == 0 {
		return nil, errors.New("empty vector")
	}
	v := make([]float64, 0, bytes.Count(items, []byte(","))+1)
	for item := range bytes.SplitSeq(items, []byte(",")) {
		item = bytes.TrimSpace(item)
		x, err := strconv.ParseFloat(string(item), 64)
		if err != nil || !bytes.ContainsAny(item[:1], "-0123456789") || math.Abs(x) > math.MaxFloat32 {
			return nil, fmt.Errorf("component %d: %s is not a float32", len(v), item[:min(len(item), 40)])
		}
		v = append(v, x)
	}
	return v, nil
}
