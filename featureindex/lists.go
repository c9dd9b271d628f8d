package featureindex

import (
	"iter"
	"math"
	"sort"
)

// An entry says where the list of a feature lies.
type entry struct {
	Offset    uint64 // of its postings, in bytes
	Feature   uint32
	Runs      uint32  // index of its first run, where runs are listed; else 0
	Scale     float32 // activation of an impact of 1
	Documents uint32
}

// A run is the part of a list that lies in one block.
type run struct {
	Block, Count uint16
}

// lists is a list set: the postings of a view or of the union, by feature.
type lists struct {
	entries  []entry
	runs     []run    // the runs that are not empty, or
	counts   []uint16 // by entry, then by block, how long runs are
	postings []byte
	blocks   int
	norm     float64 // the largest Euclidean norm of a document's activations
}

// newLists lays a list set over its parts and checks everything that a kernel
// indexes by, except document numbers, which are 16 bits into arrays of 65,536.
func newLists(p *partReader, list, n int) (lists, error) {
	l := lists{
		entries:  items[entry](p, kindEntries, list, -1),
		postings: p.bytes(kindPostings, list),
		blocks:   (n + blockSize - 1) >> blockBits,
		norm:     p.part(kindEntries, list).norm(),
	}
	if p.has(kindCounts, list) {
		l.counts = items[uint16](p, kindCounts, list, len(l.entries)*l.blocks)
	} else {
		l.runs = items[run](p, kindRuns, list, -1)
	}
	if p.err != nil {
		return l, p.err
	}
	if !(l.norm >= 0) || math.IsInf(l.norm, 1) {
		return l, p.corrupt(kindEntries, list, 0, "norm %v", l.norm)
	}
	offset, runs, feature := uint64(0), 0, -1
	for i := range l.entries {
		e := &l.entries[i]
		if e.Offset != offset || int(e.Runs) != runs || int(e.Feature) <= feature || int(e.Feature) >= p.o.Features ||
			!(e.Scale > 0) || math.IsInf(float64(e.Scale), 1) || e.Documents == 0 || int(e.Documents) > n {
			return l, p.corrupt(kindEntries, list, i*entryBytes, "entry %d", i)
		}
		if l.counts == nil {
			runs = l.endOfRuns(runs, int(e.Documents))
		}
		if !l.checkRuns(i, runs, n) {
			return l, p.corrupt(kindEntries, list, i*entryBytes, "runs of entry %d", i)
		}
		offset, feature = offset+listBytes(e.Documents), int(e.Feature)
	}
	if offset != uint64(len(l.postings)) || runs != len(l.runs) {
		return l, p.corrupt(kindEntries, list, len(l.entries)*entryBytes, "%d bytes of postings and %d runs, want %d and %d",
			offset, runs, len(l.postings), len(l.runs))
	}
	return l, nil
}

// endOfRuns returns the end of the runs from first on that make up so many
// documents, or as many as there are.
func (l *lists) endOfRuns(first, documents int) int {
	for first < len(l.runs) && documents > 0 {
		documents -= int(l.runs[first].Count)
		first++
	}
	return first
}

// checkRuns tells whether the runs of a slot, which end at end where they are
// listed, are of different blocks, no longer than these, and as long together as
// the list.
func (l *lists) checkRuns(slot, end, n int) bool {
	rest := int(l.entries[slot].Documents)
	if l.counts != nil {
		counts := l.counts[slot*l.blocks : (slot+1)*l.blocks]
		for _, count := range counts {
			if count > blockSize {
				return false
			}
			rest -= int(count)
		}
		return rest == 0 && int(counts[l.blocks-1]) <= blockLen(l.blocks-1, n)
	}
	last := -1
	for _, r := range l.runs[l.entries[slot].Runs:end] {
		block, count := int(r.Block), int(r.Count)
		if block <= last || block >= l.blocks || count == 0 || count > blockLen(block, n) {
			return false
		}
		last, rest = block, rest-count
	}
	return rest == 0
}

// find returns the slot of a feature, or -1 where no document has it.
func (l *lists) find(feature uint32) int {
	if int(feature) < len(l.entries) && l.entries[feature].Feature == feature {
		return int(feature) // as always when every feature occurs
	}
	s := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].Feature >= feature })
	if s == len(l.entries) || l.entries[s].Feature != feature {
		return -1
	}
	return s
}

// list returns the documents, modulo 65,536, and the impacts of a slot.
func (l *lists) list(slot int) (docs []uint16, impacts []uint8) {
	e := &l.entries[slot]
	b := l.postings[e.Offset : e.Offset+3*uint64(e.Documents)]
	return array[uint16](b[:2*uint64(e.Documents)]), b[2*uint64(e.Documents):]
}

// runsOf yields the runs of a slot: blocks, ascending, and how many postings are
// in each, at least one.
func (l *lists) runsOf(slot int) iter.Seq2[int, int] {
	return func(yield func(block, count int) bool) {
		if l.counts != nil {
			for block, count := range l.counts[slot*l.blocks : (slot+1)*l.blocks] {
				if count > 0 && !yield(block, int(count)) {
					return
				}
			}
			return
		}
		end := len(l.runs)
		if slot+1 < len(l.entries) {
			end = int(l.entries[slot+1].Runs)
		}
		for _, r := range l.runs[l.entries[slot].Runs:end] {
			if !yield(int(r.Block), int(r.Count)) {
				return
			}
		}
	}
}
