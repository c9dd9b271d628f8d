package featureindex

import (
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
)

// Bounds of what the encoder holds in memory for one band of lists.
const (
	bandPostings = 1 << 24 // 3 bytes each
	bandRuns     = 1 << 23 // 2 bytes each
)

// An encoder writes a source as a section. It walks the source several times
// and holds, besides tables by feature, the runs of a list set and a bit a
// document with a vector, only one band of lists at a time.
type encoder struct {
	src source
	o   *Options
	n   int
	out partWriter
	err error
}

// encode writes src and returns the length of the section.
func encode(w io.Writer, src source) (int64, error) {
	e := &encoder{src: src, o: src.options(), n: src.documents(), out: partWriter{w: w}}
	e.out.begin(kindHeader, 0)
	e.out.write(appendHeader(nil, e.o, e.n))
	e.out.end(0)
	for v := range e.o.Views {
		e.forward(v)
	}
	for l := range e.o.lists() {
		e.lists(l)
	}
	if e.o.Dim > 0 {
		for c := range columns {
			e.column(c)
		}
	}
	if e.err == nil {
		e.out.finish()
		e.err = e.out.err
	}
	return e.out.written, e.err
}

// each walks the documents.
func (e *encoder) each(visit func(doc int, w walker)) {
	if e.err == nil {
		e.err = e.out.err
	}
	if e.err != nil {
		return
	}
	w, doc := e.src.walk(), 0
	for w.next() {
		visit(doc, w)
		doc++
	}
	e.err = w.err()
}

// forward writes the codes of a view.
func (e *encoder) forward(view int) {
	first, total, equal := 0, 0, true
	var narrow []uint16
	e.out.begin(kindFeatures, view)
	e.each(func(doc int, w walker) {
		features := w.code(view).Features
		if doc == 0 {
			first = len(features)
		}
		equal = equal && len(features) == first
		total += len(features)
		if !e.o.narrow() {
			e.out.write(bytesOf(features))
			return
		}
		narrow = narrow[:0]
		for _, f := range features {
			narrow = append(narrow, uint16(f))
		}
		e.out.write(bytesOf(narrow))
	})
	e.out.end(0)
	if uint64(total) > MaxPostings && e.err == nil {
		e.err = fmt.Errorf("%w: %d postings of view %s", ErrTooLarge, total, e.o.Views[view])
	}
	e.activations(view)
	if !equal {
		e.rows(view)
	}
}

// rows writes where the code of each document begins.
func (e *encoder) rows(view int) {
	row := []uint32{0}
	e.out.begin(kindRows, view)
	e.out.write(bytesOf(row))
	e.each(func(_ int, w walker) {
		row[0] += uint32(len(w.code(view).Features))
		e.out.write(bytesOf(row))
	})
	e.out.end(0)
}

// activations writes the activations of a view.
func (e *encoder) activations(view int) {
	var halves []uint16
	e.out.begin(kindActivations, view)
	e.each(func(_ int, w walker) {
		activations := w.code(view).Activations
		if !e.o.Half {
			e.out.write(bytesOf(activations))
			return
		}
		halves = halves[:0]
		for _, a := range activations {
			bits, _ := toHalf(a)
			halves = append(halves, bits)
		}
		e.out.write(bytesOf(halves))
	})
	e.out.end(0)
}

// lists writes one list set.
func (e *encoder) lists(list int) {
	b := e.newListBuilder(list)
	e.out.begin(kindPostings, list)
	for lo := 0; lo < len(b.entries); {
		hi := b.bandEnd(lo)
		b.band(lo, hi)
		lo = hi
	}
	e.out.end(0)
	b.writeRuns(list)
	e.out.begin(kindEntries, list)
	e.out.write(bytesOf(b.entries))
	e.out.end(math.Float64bits(b.norm))
}

// writeRuns writes the runs in the shorter of two ways.
func (b *listBuilder) writeRuns(list int) {
	if 2*len(b.entries)*b.blocks >= 4*len(b.runs) {
		b.e.out.begin(kindRuns, list)
		b.e.out.write(bytesOf(b.runs))
		b.e.out.end(0)
		return
	}
	b.e.out.begin(kindCounts, list)
	counts := make([]uint16, b.blocks)
	for i := range b.entries {
		end := len(b.runs)
		if i+1 < len(b.entries) {
			end = int(b.entries[i+1].Runs)
		}
		clear(counts)
		for _, r := range b.runs[b.entries[i].Runs:end] {
			counts[r.Block] = r.Count
		}
		b.e.out.write(bytesOf(counts))
	}
	b.e.out.end(0)
	for i := range b.entries {
		b.entries[i].Runs = 0
	}
}

// A listBuilder turns the rows of a list set into its lists, a band of
// features at a time.
type listBuilder struct {
	e       *encoder
	rows    rowReader
	blocks  int
	slots   slots
	entries []entry
	runs    []run
	norm    float64 // the largest Euclidean norm of a row
}

// newListBuilder walks the rows and plans the entries.
func (e *encoder) newListBuilder(list int) *listBuilder {
	b := &listBuilder{e: e, rows: newRowReader(e.o, list), blocks: (e.n + blockSize - 1) >> blockBits}
	b.slots = b.newSlots()
	totals := make([]total, b.slots.count)
	e.each(func(_ int, w walker) {
		features, values := b.rows.read(w)
		square := 0.0
		for i, f := range features {
			t, value := &totals[b.slots.of(f)], values[i]
			t.documents++
			if value > t.most {
				t.most = value
			}
			square += float64(value * value) // the conversion forbids fusing: every machine gets the same norm
		}
		b.norm = max(b.norm, square)
	})
	b.norm = math.Sqrt(b.norm)
	totals = b.slots.drop(totals)
	b.entries = make([]entry, len(totals))
	offset := uint64(0)
	for s, t := range totals {
		b.entries[s] = entry{Offset: offset, Feature: b.slots.features[s], Scale: scaleFor(t.most), Documents: t.documents}
		offset += listBytes(t.documents)
	}
	return b
}

// A total sums up a feature.
type total struct {
	documents uint32
	most      float64 // the largest activation
}

// bandEnd returns the end of the band of entries that starts at lo: at least
// one entry, and more while they fit the bounds.
func (b *listBuilder) bandEnd(lo int) int {
	hi, postings := lo, 0
	for hi < len(b.entries) {
		postings += int(b.entries[hi].Documents)
		if hi > lo && (postings > bandPostings || (hi-lo+1)*b.blocks > bandRuns) {
			break
		}
		hi++
	}
	return hi
}

// band writes the lists of entries lo to hi.
func (b *listBuilder) band(lo, hi int) {
	entries := b.entries[lo:hi]
	cursors, starts := make([]int, len(entries)), make([]int, len(entries)+1)
	for i := range entries {
		cursors[i], starts[i+1] = starts[i], starts[i]+int(entries[i].Documents)
	}
	ends := make([]int, len(entries)) // of the runs up to the last block
	copy(ends, starts)
	counts := make([]uint16, len(entries)*b.blocks) // by block, then by entry
	docs, impacts := make([]uint16, starts[len(entries)]), make([]uint8, starts[len(entries)])
	closeBlock := func(block int) {
		row := counts[block*len(entries):][:len(entries)]
		for i, c := range cursors {
			row[i] = uint16(c - ends[i])
		}
		copy(ends, cursors)
	}
	first, last := entries[0].Feature, entries[len(entries)-1].Feature
	b.e.each(func(doc int, w walker) {
		features, values := b.rows.read(w)
		from, _ := slices.BinarySearch(features, first)
		for i := from; i < len(features) && features[i] <= last; i++ {
			s := b.slots.of(features[i]) - lo
			at := cursors[s]
			docs[at], impacts[at] = uint16(doc), impactOf(values[i], float64(entries[s].Scale))
			cursors[s]++
		}
		if doc&(blockSize-1) == blockSize-1 || doc == b.e.n-1 {
			closeBlock(doc >> blockBits)
		}
	})
	if b.e.err != nil {
		return
	}
	for i := range entries {
		b.e.out.write(bytesOf(docs[starts[i]:starts[i+1]]))
		b.e.out.write(impacts[starts[i]:starts[i+1]])
		b.e.out.write(make([]byte, entries[i].Documents%2))
		entries[i].Runs = uint32(len(b.runs))
		for block := range b.blocks {
			if c := counts[block*len(entries)+i]; c > 0 {
				b.runs = append(b.runs, run{Block: uint16(block), Count: c})
			}
		}
	}
}

// slots number the features that occur in a list set.
type slots struct {
	count    int      // of slots
	features []uint32 // by slot, ascending
	dense    []uint32 // slot by feature; nil to search for it
}

// fewFeatures is the number of features up to which a table of all of them
// costs less than finding those that occur.
const fewFeatures = 1 << 16

// newSlots returns the slots of the features that occur or, where there are few
// features, of all of them, until drop.
func (b *listBuilder) newSlots() slots {
	d := b.e.o.Features
	if d <= fewFeatures {
		s := slots{count: d, dense: make([]uint32, d)}
		for f := range s.dense {
			s.dense[f] = uint32(f)
		}
		return s
	}
	set := newBitSet(d)
	b.e.each(func(_ int, w walker) {
		features, _ := b.rows.read(w)
		for _, f := range features {
			set.add(f)
		}
	})
	s := slots{features: set.members()}
	s.count = len(s.features)
	return s
}

// drop leaves only the slots of features that occur, and returns their totals.
func (s *slots) drop(totals []total) []total {
	if s.dense == nil {
		return totals
	}
	kept := totals[:0]
	for f, t := range totals {
		if t.documents > 0 {
			s.dense[f] = uint32(len(kept))
			kept = append(kept, t)
			s.features = append(s.features, uint32(f))
		}
	}
	return kept
}

// of returns the slot of a feature that occurs.
func (s *slots) of(feature uint32) int {
	if s.dense != nil {
		return int(s.dense[feature])
	}
	i, _ := slices.BinarySearch(s.features, feature)
	return i
}

// A bitSet is a set of features in pages, of which only those with a member
// take memory.
type bitSet [][]uint64

const pageBits = 12 // of features in a page

func newBitSet(features int) bitSet { return make(bitSet, (features+1<<pageBits-1)>>pageBits) }

func (b bitSet) add(f uint32) {
	page := &b[f>>pageBits]
	if *page == nil {
		*page = make([]uint64, 1<<pageBits/64)
	}
	(*page)[f&(1<<pageBits-1)/64] |= 1 << (f % 64)
}

// members returns the features of the set, ascending.
func (b bitSet) members() []uint32 {
	var features []uint32
	for p, page := range b {
		for w, word := range page {
			for ; word != 0; word &= word - 1 {
				features = append(features, uint32(p<<pageBits+w*64+bits.TrailingZeros64(word)))
			}
		}
	}
	return features
}

// column writes the presence, the vectors and the scan vectors of a column.
func (e *encoder) column(c int) {
	words := make([]uint64, (e.n+63)/64)
	e.each(func(doc int, w walker) {
		if w.vector(c) != nil {
			words[doc/64] |= 1 << (doc % 64)
		}
	})
	e.out.begin(kindPresence, c)
	e.out.write(bytesOf(words))
	e.out.end(0)
	e.out.begin(kindRanks, c)
	e.out.write(bytesOf(ranksOf(words)))
	e.out.end(0)
	e.vectors(kindVectors, c, func(v []float32) { e.out.write(bytesOf(v)) })
	row := make([]int8, paddedDim(e.o.Dim))
	e.vectors(kindScan, c, func(v []float32) {
		quantize(v, row)
		e.out.write(bytesOf(row))
	})
	e.vectors(kindScanScale, c, func(v []float32) {
		e.out.write(bytesOf([]quantized{quantize(v, row)}))
	})
}

// vectors writes a part made of the vectors of a column.
func (e *encoder) vectors(k kind, c int, write func([]float32)) {
	e.out.begin(k, c)
	e.each(func(_ int, w walker) {
		if v := w.vector(c); v != nil {
			write(v)
		}
	})
	e.out.end(0)
}

// listBytes returns the bytes of a list of n postings, padded.
func listBytes(n uint32) uint64 { return (3*uint64(n) + 1) &^ 1 }
