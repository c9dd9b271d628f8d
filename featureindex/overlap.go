package featureindex

import (
	"context"
	"math"

	"github.com/RoaringBitmap/roaring/v2"
)

// Overlap returns the documents that share the most features with those given,
// at least minimum of them and at least one: the exact top k, best first, ties
// to the lower document. The score of a hit is |support(q) ∩ support(d)|.
func (s *Section) Overlap(ctx context.Context, v View, features []uint32, minimum int, search Search) ([]Hit, error) {
	crew := callCrew(search.Threads)
	defer crew.dismiss()
	o, err := s.newOverlap(v, features)
	if err != nil || search.K <= 0 || len(o.cuts) < minimum {
		return nil, err
	}
	limit := float64(max(1, minimum) - 1)
	visit := func(w *scratch, block int) {
		threshold := limit
		if w.top.full() {
			threshold = max(threshold, w.top.worst().Score)
		}
		o.count(w, block)
		o.each(w, block, threshold, func(doc uint32, count float64) float64 {
			if count > threshold && search.allows(doc) {
				w.top.push(Hit{doc, count})
				if w.top.full() {
					threshold = max(threshold, w.top.worst().Score)
				}
			}
			return threshold
		})
	}
	all := top{k: search.K}
	err = crew.share(ctx, o.set.blocks, func(w *scratch) {
		w.top.reset(search.K)
		o.begin(w)
	}, visit, func(w *scratch) { all.pushAll(&w.top) })
	if err != nil {
		return nil, err
	}
	return all.sorted(), nil
}

// Sharing returns the documents that share at least minimum features, and at
// least one, with those given. Search.K is not used.
func (s *Section) Sharing(ctx context.Context, v View, features []uint32, minimum int, search Search) (*roaring.Bitmap, error) {
	crew := callCrew(search.Threads)
	defer crew.dismiss()
	o, err := s.newOverlap(v, features)
	if err != nil || len(o.cuts) < minimum {
		return roaring.New(), err
	}
	limit := float64(max(1, minimum) - 1)
	blocks := make([][]uint32, o.set.blocks)
	err = crew.share(ctx, o.set.blocks, o.begin, func(w *scratch, block int) {
		o.count(w, block)
		o.each(w, block, limit, func(doc uint32, _ float64) float64 {
			blocks[block] = append(blocks[block], doc)
			return limit
		})
	}, func(*scratch) {})
	if err != nil {
		return nil, err
	}
	sharing := roaring.New()
	for _, docs := range blocks {
		sharing.AddMany(docs)
	}
	if search.Filter != nil {
		sharing.And(search.Filter)
	}
	if search.Deleted != nil {
		sharing.AndNot(search.Deleted)
	}
	return sharing, nil
}

// An overlap is a query for counts of shared features.
type overlap struct {
	set    *lists
	n      int
	cuts   []cut
	narrow bool // counts fit 8 bits
}

// newOverlap finds the lists of the features.
func (s *Section) newOverlap(v View, features []uint32) (*overlap, error) {
	set, err := s.set(v)
	if err != nil {
		return nil, err
	}
	features, err = checkFeatures(features, s.o.Features)
	if err != nil {
		return nil, err
	}
	o := &overlap{set: set, n: s.n, cuts: make([]cut, 0, len(features))}
	table := make([]uint32, 0, len(features)*(set.blocks+1))
	for _, f := range features {
		if slot := set.find(f); slot >= 0 {
			var c cut
			c, table = set.cutList(slot, table)
			o.cuts = append(o.cuts, c)
		}
	}
	o.narrow = len(o.cuts) <= math.MaxUint8
	return o, nil
}

// begin clears the counters that the query uses.
func (o *overlap) begin(w *scratch) {
	if o.narrow {
		clear(w.narrow[:counted(o.n)])
	} else {
		clear(w.wide[:counted(o.n)])
	}
}

// count counts the shared features of the documents of a block.
func (o *overlap) count(w *scratch, block int) {
	w.pieces = w.pieces[:0]
	for i := range o.cuts {
		if p, ok := o.cuts[i].piece(block, 0); ok {
			w.pieces = append(w.pieces, p)
		}
	}
	if o.narrow {
		tally(&w.narrow, w.pieces)
	} else {
		scatter(&w.wide, w.pieces) // of weight 0: each posting adds 1
	}
}

// each visits the documents of a block whose counts exceed the limit, in
// ascending order, and resets the counters. What visit returns is the limit for
// documents further on; some that no longer exceed it are still visited.
func (o *overlap) each(w *scratch, block int, limit float64, visit func(doc uint32, count float64) float64) {
	start, length := region(block, o.n)
	base, end := uint32(block<<blockBits), uint32(block<<blockBits+blockLen(block, o.n))
	for at, step := 0, 256; at < length; at, step = at+step, min(2*step, scanStep) {
		from, to := start+at, start+min(at+step, length)
		var found int
		if o.narrow {
			found = scan8(w.narrow[from:to], uint8(min(limit, math.MaxUint8)), 0, w.found[:])
		} else {
			found = scan16(w.wide[from:to], uint16(min(limit, math.MaxUint16)), 0, w.found[:])
		}
		for _, f := range w.found[:found] {
			if doc := base + uint32(at) + f&0xffff; doc < end {
				limit = visit(doc, float64(f>>16))
			}
		}
	}
}
