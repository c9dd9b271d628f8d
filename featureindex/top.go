package featureindex

import "slices"

// A Hit is a document and its score.
type Hit struct {
	Document uint32
	Score    float64
}

// before tells whether h ranks before g: higher scores first, then lower
// documents.
func (h Hit) before(g Hit) bool {
	return h.Score > g.Score || h.Score == g.Score && h.Document < g.Document
}

// compare orders hits for slices.SortFunc.
func (h Hit) compare(g Hit) int {
	switch {
	case h.before(g):
		return -1
	case g.before(h):
		return 1
	}
	return 0
}

// A top keeps the k best hits, as a heap with the worst of them first.
type top struct {
	k    int
	hits []Hit
}

// full tells whether there are k hits, so that others must beat the worst.
func (t *top) full() bool { return len(t.hits) >= t.k }

// worst returns the k-th best hit of a full top.
func (t *top) worst() Hit { return t.hits[0] }

// push takes a hit, and throws away the worst one too many.
func (t *top) push(h Hit) {
	if !t.full() {
		t.hits = append(t.hits, h)
		for i := len(t.hits) - 1; i > 0; {
			parent := (i - 1) / 2
			if !t.hits[parent].before(t.hits[i]) {
				break
			}
			t.hits[parent], t.hits[i] = t.hits[i], t.hits[parent]
			i = parent
		}
		return
	}
	if h.before(t.hits[0]) {
		t.hits[0] = h
		t.sink()
	}
}

// sink moves the first hit down to its place.
func (t *top) sink() {
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.hits); child++ {
			if t.hits[worst].before(t.hits[child]) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		t.hits[i], t.hits[worst] = t.hits[worst], t.hits[i]
		i = worst
	}
}

// reset empties the top and keeps its memory.
func (t *top) reset(k int) { *t = top{k: k, hits: t.hits[:0]} }

// sorted returns the hits, best first, as a copy.
func (t *top) sorted() []Hit {
	hits := slices.Clone(t.hits)
	slices.SortFunc(hits, Hit.compare)
	return hits
}

// pushAll pushes the hits of another top.
func (t *top) pushAll(other *top) {
	for _, h := range other.hits {
		t.push(h)
	}
}
