package featureindex

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
)

// Terms are what a query asks for: distinct features, in any order, each with a
// finite weight. A term of weight 0 asks for nothing.
type Terms struct {
	Features []uint32
	Weights  []float32
}

// Search says which documents a kernel may return, how many, and how.
type Search struct {
	K       int             // hits wanted; none for 0
	Filter  *roaring.Bitmap // documents allowed; all for nil
	Deleted *roaring.Bitmap // documents not allowed; none for nil
	Threads int             // goroutines that share the blocks of the query, 1 for 0; the answer is the same
}

// allows tells whether a document may be returned.
func (s *Search) allows(doc uint32) bool {
	return (s.Filter == nil || s.Filter.Contains(doc)) && (s.Deleted == nil || !s.Deleted.Contains(doc))
}

// selected returns the number of documents of the filter, or n without one.
func (s *Search) selected(n int) int {
	if s.Filter == nil {
		return n
	}
	return min(n, int(s.Filter.GetCardinality()))
}

// checkFeatures returns the features in ascending order, or an error for
// duplicates and features beyond d.
func checkFeatures(features []uint32, d int) ([]uint32, error) {
	sorted := features
	if !slices.IsSorted(sorted) {
		sorted = slices.Clone(features)
		slices.Sort(sorted)
	}
	for i, f := range sorted {
		if i > 0 && f == sorted[i-1] {
			return nil, fmt.Errorf("%w: feature %d twice", ErrQuery, f)
		}
		if int(f) >= d {
			return nil, fmt.Errorf("%w: feature %d of %d", ErrQuery, f, d)
		}
	}
	return sorted, nil
}

// A weighted is a feature with its weight.
type weighted struct {
	feature uint32
	weight  float32
}

// check returns the terms that ask for something in ascending order, or an
// error that wraps ErrQuery.
func (t Terms) check(d int) ([]weighted, error) {
	if len(t.Features) != len(t.Weights) {
		return nil, fmt.Errorf("%w: %d features with %d weights", ErrQuery, len(t.Features), len(t.Weights))
	}
	if _, err := checkFeatures(t.Features, d); err != nil {
		return nil, err
	}
	terms := make([]weighted, 0, len(t.Features))
	for i, w := range t.Weights {
		if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
			return nil, fmt.Errorf("%w: feature %d has weight %v", ErrQuery, t.Features[i], w)
		}
		if w != 0 {
			terms = append(terms, weighted{t.Features[i], w})
		}
	}
	if !slices.IsSorted(t.Features) {
		slices.SortFunc(terms, func(a, b weighted) int { return cmp.Compare(a.feature, b.feature) })
	}
	return terms, nil
}

// A cut is a list cut into blocks.
type cut struct {
	docs    []uint16
	impacts []uint8
	offsets []uint32 // of the blocks, blocks+1 of them
}

// cutList cuts the list of a slot; the offsets are appended to table, which has
// room for them.
func (l *lists) cutList(slot int, table []uint32) (cut, []uint32) {
	docs, impacts := l.list(slot)
	start, at := len(table), uint32(0)
	for block, count := range l.runsOf(slot) {
		for len(table)-start <= block {
			table = append(table, at)
		}
		at += uint32(count)
	}
	for len(table)-start <= l.blocks {
		table = append(table, at)
	}
	return cut{docs, impacts, table[start:len(table):len(table)]}, table
}

// piece returns the part of the list in a block, and whether there is any.
func (c *cut) piece(block int, weight uint64) (piece, bool) {
	start, end := c.offsets[block], c.offsets[block+1]
	return piece{c.docs[start:end], c.impacts[start:end], weight}, start < end
}

// scanStep is how many counters are scanned at a time, at most.
const scanStep = 4096

// A scratch is the memory of one goroutine of a query.
type scratch struct {
	wide   [span]uint16
	narrow [span]uint8
	found  [scanStep]uint32
	pieces []piece
	lower  []piece
	ranked []uint64 // counter<<32 | document
	top    top
	census census
	dense  denseScratch
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// fill sets counters to one value.
func fill[T uint8 | uint16](counters []T, value T) {
	if len(counters) == 0 {
		return
	}
	counters[0] = value
	for n := 1; n < len(counters); n *= 2 {
		copy(counters[n:], counters[:n])
	}
}

// counted returns how many counters of a scratch are scanned for n documents.
func counted(n int) int { return min(span, (n+63)&^63) }

// A crew is the goroutines that help with a query. Waking a processor takes
// tens of microseconds, so that they are called together before the query is
// planned.
type crew struct {
	work chan func() // is received once by each; closed when there is none
	size int
}

// callCrew calls so many goroutines, but for the caller's own. They wait for
// share or dismiss.
func callCrew(threads int) *crew {
	c := &crew{size: threads - 1}
	if c.size > 0 {
		c.work = make(chan func(), c.size)
	}
	for range c.size {
		go func() {
			if work := <-c.work; work != nil {
				work()
			}
		}()
	}
	return c
}

// dismiss lets the goroutines go that have no work.
func (c *crew) dismiss() {
	if c.work != nil {
		close(c.work)
	}
}

// share runs visit for every block below blocks, on the caller's goroutine and
// the crew's. Each has a scratch, which begin prepares, and gets blocks in
// ascending order; end takes from it what the goroutine found, one goroutine at
// a time. It stops with the error of ctx at the end of a block.
func (c *crew) share(ctx context.Context, blocks int, begin func(*scratch), visit func(s *scratch, block int), end func(*scratch)) error {
	var next atomic.Int64
	var ending sync.Mutex
	work := func() {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		begin(s)
		for ctx.Err() == nil {
			block := int(next.Add(1)) - 1
			if block >= blocks {
				ending.Lock()
				defer ending.Unlock()
				end(s)
				return
			}
			visit(s, block)
		}
	}
	var group sync.WaitGroup
	for range min(c.size, blocks-1) {
		group.Add(1)
		c.work <- func() { defer group.Done(); work() }
	}
	work()
	group.Wait()
	return ctx.Err()
}

// eachDocument visits the documents that a search allows, in ascending order.
func eachDocument(ctx context.Context, search *Search, n int, visit func(doc uint32)) error {
	if search.Filter == nil {
		for doc := range uint32(n) {
			if doc%blockSize == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if search.Deleted == nil || !search.Deleted.Contains(doc) {
				visit(doc)
			}
		}
		return ctx.Err()
	}
	for it, i := search.Filter.Iterator(), 0; it.HasNext(); i++ {
		doc := it.Next()
		if i%blockSize == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if int(doc) < n && (search.Deleted == nil || !search.Deleted.Contains(doc)) {
			visit(doc)
		}
	}
	return ctx.Err()
}

// blockLen returns the number of documents of a block.
func blockLen(block, n int) int { return min(blockSize, n-block<<blockBits) }

// region returns where a block's counters lie: from start, so many of them, a
// multiple of 64.
func region(block, n int) (start, length int) {
	return block & (span/blockSize - 1) << blockBits, (blockLen(block, n) + 63) &^ 63
}
