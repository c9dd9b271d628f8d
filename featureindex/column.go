package featureindex

import (
	"math"
	"math/bits"
)

// A column holds one dense vector for each document that has one.
type column struct {
	dim      int
	count    int      // of vectors
	presence []uint64 // a bit for each document
	ranks    []uint32 // vectors before each word of presence
	vectors  []float32
	scan     []int8      // paddedDim of each vector
	scales   []quantized // of each scan vector
}

// A quantized tells how a vector relates to its scan vector.
type quantized struct {
	Scale    float32 // of a component of 1
	Residual float32 // at least ‖u − scale·scan‖
	Norm     float32 // at least ‖scale·scan‖
}

// newColumn lays a column over its parts.
func newColumn(p *partReader, c, n int) (column, error) {
	words := (n + 63) / 64
	col := column{
		dim:      p.o.Dim,
		presence: items[uint64](p, kindPresence, c, words),
		ranks:    items[uint32](p, kindRanks, c, words),
		vectors:  items[float32](p, kindVectors, c, -1),
	}
	if p.err != nil {
		return col, p.err
	}
	for w, word := range col.presence {
		if int(col.ranks[w]) != col.count {
			return col, p.corrupt(kindRanks, c, 4*w, "rank %d, want %d", col.ranks[w], col.count)
		}
		col.count += bits.OnesCount64(word)
	}
	if n%64 != 0 && col.presence[words-1]>>(n%64) != 0 {
		return col, p.corrupt(kindPresence, c, 8*(words-1), "documents beyond the last")
	}
	if len(col.vectors) != col.count*col.dim {
		return col, p.corrupt(kindVectors, c, 0, "%d values for %d vectors", len(col.vectors), col.count)
	}
	col.scan = items[int8](p, kindScan, c, col.count*paddedDim(col.dim))
	col.scales = items[quantized](p, kindScanScale, c, col.count)
	return col, p.err
}

// index returns which vector is a document's, or -1.
func (c *column) index(doc int) int {
	word, bit := doc/64, doc%64
	if c.presence[word]>>bit&1 == 0 {
		return -1
	}
	return int(c.ranks[word]) + bits.OnesCount64(c.presence[word]&(1<<bit-1))
}

// vector returns the vector of a document, or nil.
func (c *column) vector(doc int) []float32 {
	i := -1
	if c.dim > 0 {
		i = c.index(doc)
	}
	if i < 0 {
		return nil
	}
	return c.vectors[i*c.dim : (i+1)*c.dim : (i+1)*c.dim]
}

// ranksOf returns the number of bits before each word.
func ranksOf(words []uint64) []uint32 {
	ranks := make([]uint32, len(words))
	total := 0
	for w, word := range words {
		ranks[w] = uint32(total)
		total += bits.OnesCount64(word)
	}
	return ranks
}

// paddedDim returns the length of a scan vector: dim, and zeros up to a
// multiple of 32.
func paddedDim(dim int) int { return (dim + 31) &^ 31 }

// quantize rounds a vector to multiples of a scale of its own, components
// −127..127, and bounds what is lost. The tail of row is zero.
func quantize(v []float32, row []int8) quantized {
	clear(row)
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(float64(x)))
	}
	scale := float64(float32(most / 127))
	if scale == 0 {
		return quantized{Residual: roundUp(math.Sqrt(most * most * float64(len(v))))}
	}
	residual, norm := 0.0, 0.0
	for i, x := range v {
		q := max(-127, min(127, math.RoundToEven(float64(x)/scale)))
		row[i] = int8(q)
		rounded := float64(q * scale)
		lost := float64(x) - rounded
		residual += float64(lost * lost)
		norm += float64(rounded * rounded)
	}
	return quantized{float32(scale), roundUp(math.Sqrt(residual)), roundUp(math.Sqrt(norm))}
}

// roundUp returns a float32 above x by more than the error of a sum in float64
// of MaxDim squares.
func roundUp(x float64) float32 {
	up := float32(x * (1 + 1e-9))
	if x > 0 {
		up = math.Nextafter32(up, float32(math.Inf(1)))
	}
	return up
}
