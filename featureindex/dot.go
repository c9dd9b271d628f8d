package featureindex

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Dot returns the best documents by weighted dot product with the terms, among
// those in which a term's feature is active: the exact top k, best first, ties
// to the lower document. See scorer for the score.
//
// # Why it is exact
//
// A block of documents is scored with integer counters of 16 bits that bound
// the scores from above, in levels: λ levels make a score of 1. A posting of
// impact v and a term of weight w > 0 add
//
//	⌊v·W/256⌋ + 1 > v·W/256 >= λ·w·v·scale >= λ·w·activation
//
// with W = ⌈256·λ·w·scale⌉, because impacts are rounded up. A term of weight
// w < 0 takes away
//
//	⌊(v−1)·W/256⌋ <= λ·|w|·(v−1)·scale < λ·|w|·activation
//
// with W = ⌊256·λ·|w|·scale⌋. Counters start at a bias that no negative terms
// can use up, and λ is chosen so that none reaches 65,536: the positive terms
// of a document sum to at most ‖w‖·‖activations‖ by Cauchy and Schwarz, the
// largest norm being part of the section, and rounding adds at most
// Σ w·scale and two levels a term. So counter − bias >= λ·score. A document is
// rescored from its codes, in float64, unless its counter is below that of the
// k-th best exact score so far or of a score that k others are sure to have:
// a counter exceeds its score by at most the slack λ·Σ|w|·scale and three levels
// a term. Two more levels make up for rounding in float64, which is below a
// hundredth of one.
//
// The weakest case is a query with hardly any documents of positive score: then
// all documents are rescored.
func (s *Section) Dot(ctx context.Context, v View, query Terms, search Search) ([]Hit, error) {
	set, err := s.set(v)
	if err != nil {
		return nil, err
	}
	crew := callCrew(search.Threads)
	defer crew.dismiss()
	terms, err := query.check(s.o.Features)
	if err != nil {
		return nil, err
	}
	if len(terms) == 0 || search.K <= 0 || s.n == 0 {
		return nil, ctx.Err()
	}
	exact := newScorer(s.of(v), terms, s.o.narrow())
	defer exact.close()
	d := newDot(s, set, terms, &search, exact)
	switch {
	case d.postings == 0:
		return nil, ctx.Err()
	case d.rows(search.selected(s.n)):
		return d.filtered(ctx)
	}
	err = crew.share(ctx, set.blocks, func(w *scratch) {
		w.census.reset()
		fill(w.wide[:counted(s.n)], uint16(d.bias))
	}, d.block, func(*scratch) {})
	if err != nil {
		return nil, err
	}
	return d.top.sorted(), nil
}

// A dot is a query of Dot in the making.
type dot struct {
	s        *Section
	search   *Search
	exact    *scorer
	positive []dotTerm
	negative []dotTerm
	postings int
	lambda   float64      // levels of a score of 1
	bias     float64      // of the counters, in levels
	slack    float64      // levels by which a counter may exceed its score
	shared   atomic.Int64 // the highest limit that any goroutine has found

	mu  sync.Mutex // of top
	top top
}

// A dotTerm is the list of a term and its weight in 256ths of a level.
type dotTerm struct {
	cut
	weight uint64
	value  float64 // |w|·scale
}

// maxDotTerms is how many terms fit the levels of 16-bit counters; queries of
// more are answered from the codes.
const maxDotTerms = 1 << 13

// newDot finds the lists of the terms and chooses the levels.
func newDot(s *Section, set *lists, terms []weighted, search *Search, exact *scorer) *dot {
	d := &dot{s: s, search: search, exact: exact, positive: make([]dotTerm, 0, len(terms)), top: top{k: search.K}}
	table := make([]uint32, 0, len(terms)*(set.blocks+1))
	var squares, sums [2]float64 // of positive and negative weights
	for _, t := range terms {
		slot := set.find(t.feature)
		if slot < 0 {
			continue
		}
		var c cut
		c, table = set.cutList(slot, table)
		w, scale := math.Abs(float64(t.weight)), float64(set.entries[slot].Scale)
		term := dotTerm{cut: c, value: w * scale}
		sign := 0
		if t.weight > 0 {
			d.positive = append(d.positive, term)
		} else {
			sign = 1
			d.negative = append(d.negative, term)
		}
		squares[sign] += w * w
		sums[sign] += term.value
		d.postings += len(c.docs)
	}
	d.choose(set.norm, squares, sums)
	return d
}

// choose sets the levels: λ, bias, slack and the weights of the terms, from the
// sum of squares of the weights and the sum of weight·scale of the positive and
// of the negative terms.
func (d *dot) choose(norm float64, squares, sums [2]float64) {
	bound := func(sign int) float64 {
		return min(math.Sqrt(squares[sign])*norm+sums[sign], sums[sign]*maxImpact)
	}
	count := float64(len(d.positive) + len(d.negative))
	d.lambda = (65000 - 2*count) / ((bound(0) + bound(1)) * (1 + 1e-6))
	if len(d.negative) > 0 {
		d.bias = math.Ceil(d.lambda * bound(1))
	}
	d.slack = d.lambda*(sums[0]+sums[1]) + 3*count + 3
	if len(d.negative) > 0 {
		d.shared.Store(-1) // else a document with a term has a counter above 0
	}
	const most = 1<<16 - 1
	for i := range d.positive {
		t := &d.positive[i]
		t.weight = uint64(min(most, math.Ceil(256*d.lambda*t.value*(1+1e-12))))
	}
	for i := range d.negative {
		t := &d.negative[i]
		t.weight = uint64(min(most, 256*d.lambda*t.value*(1-1e-12)))
	}
}

// rows tells whether scoring so many documents from their codes is cheaper than
// going through the lists, or the only way.
func (d *dot) rows(documents int) bool {
	const costOfRow = 100 // postings
	return documents*costOfRow*len(d.exact.views) < d.postings+d.s.n || len(d.positive)+len(d.negative) > maxDotTerms
}

// filtered scores the documents of the filter from their codes.
func (d *dot) filtered(ctx context.Context) ([]Hit, error) {
	err := eachDocument(ctx, d.search, d.s.n, func(doc uint32) {
		if score, matched := d.exact.score(int(doc)); matched {
			d.top.push(Hit{doc, score})
		}
	})
	if err != nil {
		return nil, err
	}
	return d.top.sorted(), nil
}

// block scores the documents of a block.
func (d *dot) block(w *scratch, block int) {
	w.pieces, w.lower = gather(w.pieces[:0], d.positive, block), gather(w.lower[:0], d.negative, block)
	scatter(&w.wide, w.pieces)
	lower(&w.wide, w.lower)
	d.candidates(w, block)
	d.rescore(w)
}

// gather appends the pieces of terms in a block.
func gather(pieces []piece, terms []dotTerm, block int) []piece {
	for i := range terms {
		if p, ok := terms[i].piece(block, terms[i].weight); ok {
			pieces = append(pieces, p)
		}
	}
	return pieces
}

// limit returns the counter that a document must exceed to be worth rescoring,
// as far as is known from exact scores and counters, here and in the other
// goroutines; below 0 for none.
func (d *dot) limit(w *scratch) float64 {
	return d.raise(w.census.limit(d.search.K) - d.slack - 2)
}

// raise raises the shared limit, if it is not higher, and returns it.
func (d *dot) raise(limit float64) float64 {
	shared := d.shared.Load()
	if higher := math.Floor(limit); higher > float64(shared) {
		d.shared.Store(int64(higher)) // a lower one of another goroutine may win: no harm
		return higher
	}
	return float64(shared)
}

// candidates collects the documents of a block that may be among the best, by
// their counters, and resets these. It looks at more and more counters at a
// time, so that the first documents raise the limit for the others.
func (d *dot) candidates(w *scratch, block int) {
	w.ranked = w.ranked[:0]
	start, length := region(block, d.s.n)
	base, end := block<<blockBits, uint32(block<<blockBits+blockLen(block, d.s.n))
	for at, step := 0, 256; at < length; at, step = at+step, min(2*step, scanStep) {
		counters := w.wide[start+at : start+min(at+step, length)]
		if limit := d.limit(w); limit < 0 {
			d.takeAll(w, counters, uint32(base+at), end)
		} else {
			d.take(w, counters, limit, uint32(base+at), end)
		}
	}
	limit, kept := d.limit(w), w.ranked[:0]
	for _, r := range w.ranked {
		if float64(r>>32) > limit {
			kept = append(kept, r)
		}
	}
	w.ranked = kept
}

// take collects the documents allowed whose counters exceed the limit, and
// resets the counters. The first of them is document base; documents lie below
// end.
func (d *dot) take(w *scratch, counters []uint16, limit float64, base, end uint32) {
	bias := uint16(d.bias)
	found := scan16(counters, uint16(min(limit, math.MaxUint16)), bias, w.found[:])
	restricted := d.search.Filter != nil || d.search.Deleted != nil
	for _, f := range w.found[:found] {
		doc, counter := base+f&0xffff, uint16(f>>16)
		if doc >= end || restricted && !d.search.allows(doc) {
			continue
		}
		w.ranked = append(w.ranked, uint64(counter)<<32|uint64(doc))
		if counter > bias { // only then is it sure to have a term
			w.census.add(counter, d.search.K)
		}
	}
}

// takeAll is take without a limit.
func (d *dot) takeAll(w *scratch, counters []uint16, base, end uint32) {
	bias := uint16(d.bias)
	for i, counter := range counters {
		doc := base + uint32(i)
		if doc >= end || !d.search.allows(doc) {
			continue
		}
		w.ranked = append(w.ranked, uint64(counter)<<32|uint64(doc))
		if counter > bias {
			w.census.add(counter, d.search.K)
		}
	}
	fill(counters, bias)
}

// A census counts documents by their counters, to know a counter that k of them
// reach.
type census struct {
	documents [1 << 16 >> censusBits]uint32
	reach     int    // of the classes
	above     uint32 // documents in the classes from reach on
}

// censusBits is how many low bits of a counter a census ignores.
const censusBits = 5

// reset empties the census.
func (c *census) reset() { *c = census{} }

// add counts a document.
func (c *census) add(counter uint16, k int) {
	class := int(counter >> censusBits)
	c.documents[class]++
	if class < c.reach {
		return
	}
	c.above++
	for int(c.above-c.documents[c.reach]) >= k {
		c.above -= c.documents[c.reach]
		c.reach++
	}
}

// limit returns a counter that k documents reach, or one below all.
func (c *census) limit(k int) float64 {
	if int(c.above) < k {
		return math.Inf(-1)
	}
	return float64(c.reach << censusBits)
}

// rescore computes the exact scores of the candidates, those with the highest
// counters first, until the others are out of reach.
func (d *dot) rescore(w *scratch) {
	const ahead = 4
	slices.Sort(w.ranked)
	for i := len(w.ranked) - 1; i >= 0; i-- {
		if float64(w.ranked[i]>>32) <= d.limit(w) {
			return
		}
		if i >= ahead {
			d.exact.prefetch(int(uint32(w.ranked[i-ahead])))
		}
		doc := uint32(w.ranked[i])
		if score, matched := d.exact.score(int(doc)); matched {
			d.push(Hit{doc, score})
		}
	}
}

// push takes a hit for all goroutines, and raises their limit.
func (d *dot) push(h Hit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.top.push(h)
	if d.top.full() {
		d.raise(d.top.worst().Score*d.lambda + d.bias - 2)
	}
}
