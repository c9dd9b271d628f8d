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
	e.out.begin(kindFeatures, view)
	e.each(func(doc int, w walker) {
		features, _ := w.raw(view)
		if doc == 0 {
			first = len(features)
		}
		equal = equal && len(features) == first
		total += len(features)
		e.out.write(features)
	})
	e.out.end(0)
	if total /= e.o.featureBytes(); uint64(total) > MaxPostings && e.err == nil {
		e.err = fmt.Errorf("%w: %d postings of view %s", ErrTooLarge, total, e.o.Views[view])
	}
	e.out.begin(kindActivations, view)
	e.each(func(_ int, w walker) {
		_, activations := w.raw(view)
		e.out.write(activations)
	})
	e.out.end(0)
	if !equal {
		e.rows(view)
	}
}

// rows writes where the code of each document begins.
func (e *encoder) rows(view int) {
	at := []uint32{0}
	e.out.begin(kindRows, view)
	e.out.write(bytesOf(at))
	e.each(func(_ int, w walker) {
		features, _ := w.raw(view)
		at[0] += uint32(len(features) / e.o.featureBytes())
		e.out.write(bytesOf(at))
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

// newListBuilder plans the entries.
func (e *encoder) newListBuilder(list int) *listBuilder {
	b := &listBuilder{e: e, rows: newRowReader(e.o, list), blocks: (e.n + blockSize - 1) >> blockBits}
	var known bool
	if b.entries, b.norm, known = e.src.known(list); !known {
		b.count()
	}
	features, offset := make([]uint32, len(b.entries)), uint64(0)
	for i := range b.entries {
		entry := &b.entries[i]
		features[i] = entry.Feature
		entry.Offset, entry.Runs = offset, 0
		offset += listBytes(entry.Documents)
	}
	b.slots = newSlots(features, e.o.Features)
	return b
}

// count walks the rows and makes the entries, without offsets, and the norm.
func (b *listBuilder) count() {
	features := b.candidates()
	slots := newSlots(features, b.e.o.Features)
	totals := make([]total, len(features))
	b.e.each(func(_ int, w walker) {
		row, square := b.rows.read(w), 0.0
		for i, f := range row.features {
			t, value := &totals[slots.of(f)], row.value(i)
			t.documents++
			if value > t.most {
				t.most = value
			}
			square += float64(value * value) // the conversion forbids fusing: every machine gets the same norm
		}
		b.norm = max(b.norm, square)
	})
	b.norm = math.Sqrt(b.norm)
	for slot, t := range totals {
		if t.documents > 0 {
			b.entries = append(b.entries, entry{Feature: features[slot], Scale: scaleFor(t.most), Documents: t.documents})
		}
	}
}

// A total sums up a feature.
type total struct {
	documents uint32
	most      float64 // the largest activation
}

// candidates returns the features that occur or, where there are few, all.
func (b *listBuilder) candidates() []uint32 {
	d := b.e.o.Features
	if d <= fewFeatures {
		features := make([]uint32, d)
		for f := range features {
			features[f] = uint32(f)
		}
		return features
	}
	set := newBitSet(d)
	b.e.each(func(_ int, w walker) {
		for _, f := range b.rows.read(w).features {
			set.add(f)
		}
	})
	return set.members()
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

// An openList is a list of a band that is being filled.
type openList struct {
	at, end        uint32 // where the next posting goes, where the list ends
	scale, inverse float32
}

// band writes the lists of entries lo to hi.
func (b *listBuilder) band(lo, hi int) {
	entries := b.entries[lo:hi]
	lists, total := make([]openList, len(entries)), uint32(0)
	for i := range entries {
		e := &entries[i]
		lists[i] = openList{total, total + e.Documents, e.Scale, float32(1 / float64(e.Scale))}
		total += e.Documents
	}
	docs, impacts := make([]uint16, total), make([]uint8, total)
	counts := b.fill(lo, lists, docs, impacts)
	if b.e.err != nil {
		return
	}
	at := 0
	for i := range entries {
		n := int(entries[i].Documents)
		b.e.out.write(bytesOf(docs[at : at+n]))
		b.e.out.write(impacts[at : at+n])
		if n%2 != 0 {
			b.e.out.write([]byte{0})
		}
		at += n
		entries[i].Runs = uint32(len(b.runs))
		for block := range b.blocks {
			if c := counts[block*len(entries)+i]; c > 0 {
				b.runs = append(b.runs, run{Block: uint16(block), Count: c})
			}
		}
	}
}

// fill fills the lists of the slots from lo on, and returns the lengths of
// their runs, by block and then by list.
func (b *listBuilder) fill(lo int, lists []openList, docs []uint16, impacts []uint8) (counts []uint16) {
	counts = make([]uint16, len(lists)*b.blocks)
	ends := make([]uint32, len(lists)) // of the runs up to the last block
	for i := range lists {
		ends[i] = lists[i].at
	}
	features := b.slots.features[lo : lo+len(lists)]
	first, last := features[0], features[len(features)-1]
	b.e.each(func(doc int, w walker) {
		row := b.rows.read(w)
		from, _ := slices.BinarySearch(row.features, first)
		for i := from; i < len(row.features) && row.features[i] <= last; i++ {
			slot := b.slots.of(row.features[i]) - lo
			if uint(slot) >= uint(len(lists)) || lists[slot].at == lists[slot].end {
				b.e.damaged(row.features[i])
				return
			}
			l := &lists[slot]
			docs[l.at], impacts[l.at] = uint16(doc), impactOf(row.value(i), float64(l.scale), float64(l.inverse))
			l.at++
		}
		if doc&(blockSize-1) == blockSize-1 || doc == b.e.n-1 {
			for i, start := range ends {
				ends[i] = lists[i].at
				counts[doc>>blockBits*len(lists)+i] = uint16(ends[i] - start)
			}
		}
	})
	for i := range lists {
		if lists[i].at < lists[i].end && b.e.err == nil {
			b.e.damaged(features[i])
		}
	}
	return counts
}

// damaged ends the encoding of a source of which the codes and the entries do
// not agree about a feature.
func (e *encoder) damaged(feature uint32) {
	if e.out.err == nil {
		e.out.err = corrupt("entries", -1, "feature %d does not occur as often as its entry says", feature)
	}
	e.err = e.out.err
}

// slots number the features of a list set.
type slots struct {
	features []uint32 // by slot, ascending
	dense    []uint32 // slot by feature, noSlot for none; nil to search for it
}

const noSlot = math.MaxUint32

// fewFeatures is the number of features up to which a table of all of them
// costs less than finding those that occur.
const fewFeatures = 1 << 16

// newSlots numbers features, which ascend, of d.
func newSlots(features []uint32, d int) slots {
	s := slots{features: features}
	if d > fewFeatures {
		return s
	}
	s.dense = make([]uint32, d)
	for f := range s.dense {
		s.dense[f] = noSlot
	}
	for slot, f := range features {
		s.dense[f] = uint32(slot)
	}
	return s
}

// of returns the slot of a feature, one that is none's for a feature that has
// none.
func (s *slots) of(feature uint32) int {
	if s.dense != nil {
		return int(s.dense[feature])
	}
	slot, ok := slices.BinarySearch(s.features, feature)
	if !ok {
		return noSlot
	}
	return slot
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
