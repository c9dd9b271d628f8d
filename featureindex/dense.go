package featureindex

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Dense returns the best documents by the dot product of a query vector with
// their vectors in a column, plus, where terms are given, the weighted dot
// product of these with their activations in view v (see Dot): a steered search
// asks for the terms (α_j − 1)·⟨q, w_j⟩ in the union. It is the exact top k
// among the documents that have a vector, best first, ties to the lower
// document. The score is the float64 sum of the products in the order of the
// components, plus the score of the terms.
//
// # Why it is exact
//
// All documents are scored with their scan vectors, whole numbers of which a
// scale makes the vector but for a residual r; the query is rounded to whole
// numbers likewise. By Cauchy and Schwarz the score differs from that of the
// rounded vectors by at most
//
//	‖q‖·‖r‖ + ‖q − rounded q‖·‖rounded u‖
//
// of which the norms are part of the section, rounded up. The terms add bounds
// of their own, as an activation lies between (impact−1)·scale and
// impact·scale. What may be among the k best by these bounds is rescored.
func (s *Section) Dense(ctx context.Context, c Column, query []float32, v View, terms Terms, search Search) ([]Hit, error) {
	if c < 0 || c >= columns || s.o.Dim == 0 {
		return nil, fmt.Errorf("%w: column %d of a section of %d dimensions", ErrQuery, c, s.o.Dim)
	}
	if len(query) != s.o.Dim {
		return nil, fmt.Errorf("%w: vector of %d components, want %d", ErrQuery, len(query), s.o.Dim)
	}
	if err := checkVector(query, s.o.Dim); err != nil {
		return nil, fmt.Errorf("%w: vector: %w", ErrQuery, err)
	}
	set, err := s.set(v)
	if err != nil {
		return nil, err
	}
	crew := callCrew(search.Threads)
	defer crew.dismiss()
	weighted, err := terms.check(s.o.Features)
	if err != nil || search.K <= 0 || s.columns[c].count == 0 {
		return nil, err
	}
	d := &dense{column: &s.columns[c], n: s.n, k: search.K, query: query}
	d.quantizeQuery()
	d.findTerms(set, weighted)
	if len(d.terms) > 0 {
		d.exact = newScorer(s.of(v), weighted, s.o.narrow())
		defer d.exact.close()
	}
	d.documents = d.column.presence
	if search.Filter != nil || search.Deleted != nil {
		d.documents = search.words(s.n, d.column.presence)
	}
	all := top{k: search.K}
	err = crew.share(ctx, set.blocks, func(w *scratch) {
		w.top.reset(search.K)
		w.dense.floors.reset(search.K)
	}, d.block, func(w *scratch) { all.pushAll(&w.top) })
	if err != nil {
		return nil, err
	}
	return all.sorted(), nil
}

// words returns the documents that a search allows, of those given, as bits.
func (s *Search) words(n int, of []uint64) []uint64 {
	words := slices.Clone(of)
	if s.Filter != nil {
		clear(words)
		for it := s.Filter.Iterator(); it.HasNext(); {
			doc := int(it.Next())
			if doc >= n {
				break
			}
			words[doc/64] |= of[doc/64] & (1 << (doc % 64))
		}
	}
	if s.Deleted != nil {
		for it := s.Deleted.Iterator(); it.HasNext(); {
			doc := int(it.Next())
			if doc >= n {
				break
			}
			words[doc/64] &^= 1 << (doc % 64)
		}
	}
	return words
}

// A dense is a query of Dense in the making.
type dense struct {
	column    *column
	n, k      int
	query     []float32
	whole     []int16 // the query in whole numbers
	scale     float64 // of whole
	norm      float64 // ‖q‖
	lost      float64 // ‖q − scale·whole‖
	documents []uint64
	terms     []denseTerm
	unit      float64 // of an around
	rounding  float64 // of an around
	exact     *scorer // of the terms; nil without any
}

// A denseTerm is the list of a term and its weight times the scale of impacts.
type denseTerm struct {
	cut
	value float64
}

// A denseScratch is what a goroutine of Dense needs beyond a scratch.
type denseScratch struct {
	floors  top      // by lower bounds of scores
	bounded []Hit    // by upper bounds of scores
	steered []around // by document of a block: the terms' score
}

// An around bounds a score: middle, give or take spread. Both are in units of
// the largest score that the terms can make, so that no sum leaves float32.
type around struct{ middle, spread float32 }

// quantizeQuery rounds the query to whole numbers small enough that no sum of
// products with a scan vector overflows 32 bits.
func (d *dense) quantizeQuery() {
	padded := paddedDim(len(d.query))
	d.whole = make([]int16, padded)
	limit := float64(min(math.MaxInt16, (math.MaxInt32/127)/padded))
	most := 0.0
	for _, x := range d.query {
		most = max(most, math.Abs(float64(x)))
		d.norm += float64(x) * float64(x)
	}
	d.norm = math.Sqrt(d.norm)
	d.scale = most / limit
	if d.scale == 0 {
		d.lost = d.norm
		return
	}
	for i, x := range d.query {
		whole := max(-limit, min(limit, math.RoundToEven(float64(x)/d.scale)))
		d.whole[i] = int16(whole)
		lost := float64(x) - whole*d.scale
		d.lost += lost * lost
	}
	d.lost = math.Sqrt(d.lost)
}

// findTerms finds the lists of the terms.
func (d *dense) findTerms(set *lists, terms []weighted) {
	table := make([]uint32, 0, len(terms)*(set.blocks+1))
	for _, t := range terms {
		if slot := set.find(t.feature); slot >= 0 {
			var c cut
			c, table = set.cutList(slot, table)
			d.terms = append(d.terms, denseTerm{c, float64(t.weight) * float64(set.entries[slot].Scale)})
		}
	}
	for i := range d.terms {
		d.unit += math.Abs(d.terms[i].value) * maxImpact
	}
	// A sum of n values in float32 is off by less than a part n·2⁻²⁴ of the sum of
	// their sizes, at most the unit (Higham 3.1), and so is each value. This is
	// several times as much, and covers the sums in float64 too.
	d.rounding = float64(len(d.terms)+8) * 0x1p-21 * d.unit
}

// block scores the documents of a block.
func (d *dense) block(w *scratch, block int) {
	if len(d.terms) > 0 {
		d.steer(&w.dense, block)
	}
	d.bound(w, block)
	d.rescore(w)
}

// steer computes the bounds of the terms' scores for the documents of a block.
func (d *dense) steer(w *denseScratch, block int) {
	if w.steered == nil {
		w.steered = make([]around, blockSize)
	}
	steered := (*[blockSize]around)(w.steered)
	clear(steered[:])
	for i := range d.terms {
		t := &d.terms[i]
		p, _ := t.piece(block, 0)
		value, half := float32(t.value/d.unit), float32(math.Abs(t.value)/d.unit/2)
		impacts := p.impacts[:len(p.docs)]
		for j, doc := range p.docs {
			at := &steered[doc&(blockSize-1)]
			at.middle += value * (float32(impacts[j]) - .5)
			at.spread += half
		}
	}
}

// bound computes the bounds of the scores of the documents of a block, and
// gathers those that may be among the best.
func (d *dense) bound(w *scratch, block int) {
	w.dense.bounded = w.dense.bounded[:0]
	threshold := d.threshold(w)
	first := block << blockBits / 64
	for at := first; at < first+(blockLen(block, d.n)+63)/64; at++ {
		if d.documents[at] != 0 {
			threshold = d.boundWord(w, at, threshold)
		}
	}
}

// boundWord is bound for the documents of one word of the presence. It returns
// the threshold that they leave.
func (d *dense) boundWord(w *scratch, at int, threshold float64) float64 {
	// Rounding in float64 costs less than this part of ‖q‖·‖rounded u‖ and of the
	// bounds themselves.
	const rounding = 1e-8
	word, presence, rank := d.documents[at], d.column.presence[at], int(d.column.ranks[at])
	padded := len(d.whole)
	var sums [64]int32
	all := bits.OnesCount64(presence)
	if word == presence {
		dotRows(d.whole, d.column.scan[rank*padded:(rank+all)*padded], sums[:all])
	}
	residual, norm := d.norm*(1+rounding), d.lost*(1+rounding)+d.norm*rounding
	x := &w.dense
	for rest := word; rest != 0; rest &= rest - 1 {
		bit := bits.TrailingZeros64(rest)
		i := bits.OnesCount64(presence & (1<<bit - 1))
		row := rank + i
		if word != presence {
			dotRows(d.whole, d.column.scan[row*padded:(row+1)*padded], sums[i:i+1])
		}
		q := &d.column.scales[row]
		middle := float64(sums[i]) * d.scale * float64(q.Scale)
		spread := residual*float64(q.Residual) + norm*float64(q.Norm)
		if d.exact != nil {
			steered := x.steered[(at*64+bit)&(blockSize-1)]
			middle += float64(steered.middle) * d.unit
			spread += float64(steered.spread)*d.unit + d.rounding
		}
		if middle+spread < threshold {
			continue
		}
		doc := uint32(at*64 + bit)
		x.bounded = append(x.bounded, Hit{doc, middle + spread})
		x.floors.push(Hit{doc, middle - spread})
		threshold = max(threshold, d.threshold(w))
	}
	return threshold
}

// threshold returns a score that k documents are known to have.
func (d *dense) threshold(w *scratch) float64 {
	t := math.Inf(-1)
	if w.dense.floors.full() {
		t = w.dense.floors.worst().Score
	}
	if w.top.full() {
		t = max(t, w.top.worst().Score)
	}
	return t
}

// rescore computes the exact scores of the documents gathered, those with the
// highest bounds first.
func (d *dense) rescore(w *scratch) {
	slices.SortFunc(w.dense.bounded, Hit.compare)
	for _, h := range w.dense.bounded {
		if h.Score < d.threshold(w) {
			return
		}
		w.top.push(Hit{h.Document, d.score(int(h.Document))})
	}
}

// score returns the exact score of a document that has a vector.
func (d *dense) score(doc int) float64 {
	sum := 0.0
	vector := d.column.vector(doc)
	for i, x := range d.query {
		sum += float64(x) * float64(vector[i])
	}
	if d.exact != nil {
		steered, _ := d.exact.score(doc)
		sum += steered
	}
	return sum
}
