package featureindex

import (
	"math"
	"sort"
)

// An entry says where the list of a feature lies.
type entry struct {
	Offset    uint64 // of its postings, in bytes
	Feature   uint32
	Runs      uint32  // index of its first run
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
	runs     []run
	postings []byte
	blocks   int
	norm     float64 // the largest Euclidean norm of a document's activations
}

// newLists lays a list set over its parts and checks everything that a kernel
// indexes by, except document numbers, which are 16 bits into arrays of 65,536.
func newLists(p *partReader, list, n int) (lists, error) {
	l := lists{
		entries:  items[entry](p, kindEntries, list, -1),
		runs:     items[run](p, kindRuns, list, -1),
		postings: p.bytes(kindPostings, list),
		blocks:   (n + blockSize - 1) >> blockBits,
		norm:     p.part(kindEntries, list).norm(),
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
		var ok bool
		if runs, ok = l.checkRuns(runs, int(e.Documents), n); !ok {
			return l, p.corrupt(kindRuns, list, runs*runBytes, "run %d", runs)
		}
		offset, feature = offset+listBytes(e.Documents), int(e.Feature)
	}
	if offset != uint64(len(l.postings)) || runs != len(l.runs) {
		return l, p.corrupt(kindEntries, list, len(l.entries)*entryBytes, "%d bytes of postings and %d runs, want %d and %d",
			offset, runs, len(l.postings), len(l.runs))
	}
	return l, nil
}

// checkRuns checks the runs from first on that make up a list of so many
// documents and returns the end of them; where one is wrong, its index.
func (l *lists) checkRuns(first, documents, n int) (end int, ok bool) {
	block := -1
	for end = first; documents > 0; end++ {
		if end == len(l.runs) {
			return end, false
		}
		r := l.runs[end]
		if int(r.Block) <= block || int(r.Block) >= l.blocks || r.Count == 0 || int(r.Count) > documents ||
			int(r.Count) > min(blockSize, n-int(r.Block)<<blockBits) {
			return end, false
		}
		block = int(r.Block)
		documents -= int(r.Count)
	}
	return end, true
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

// runsOf returns the runs of a slot.
func (l *lists) runsOf(slot int) []run {
	if slot+1 < len(l.entries) {
		return l.runs[l.entries[slot].Runs:l.entries[slot+1].Runs]
	}
	return l.runs[l.entries[slot].Runs:]
}
