package featureindex

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"
)

// Facets returns, by feature, in how many of the documents it is active: a
// slice of Options.Features counts. All documents are counted for nil. Documents
// that the section does not have are left out.
//
// The codes of the documents are counted where that is cheaper than going
// through the lists of all features.
func (s *Section) Facets(ctx context.Context, v View, documents *roaring.Bitmap) ([]uint32, error) {
	set, err := s.set(v)
	if err != nil {
		return nil, err
	}
	counts := make([]uint32, s.o.Features)
	if documents == nil || documents.GetCardinality() == uint64(s.n) && (s.n == 0 || int(documents.Maximum()) < s.n) {
		for i := range set.entries {
			counts[set.entries[i].Feature] = set.entries[i].Documents
		}
		return counts, ctx.Err()
	}
	views := s.of(v)
	postings := 0
	for i := range views {
		postings += views[i].total
	}
	// A posting found by way of its document costs up to this many times a
	// posting of a list.
	const costOfRows = 4
	if float64(documents.GetCardinality())*float64(postings)*costOfRows > float64(s.n)*float64(len(set.postings)/3) {
		return counts, set.facets(ctx, s.n, documents, counts)
	}
	return counts, s.rowFacets(ctx, views, documents, counts)
}

// rowFacets counts the codes of the documents.
func (s *Section) rowFacets(ctx context.Context, views []forward, documents *roaring.Bitmap, counts []uint32) error {
	const ahead = 8
	var buffer [256 + ahead]uint32
	var seen []uint32 // 1 + the document in which a feature was counted last
	if len(views) > 1 {
		seen = make([]uint32, len(counts))
	}
	it := documents.ManyIterator()
	for {
		n := it.NextMany(buffer[:256])
		if n == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
		for i, doc := range buffer[:n] {
			if int(doc) >= s.n {
				return nil
			}
			for j := range views {
				if i+ahead < n && int(buffer[i+ahead]) < s.n {
					views[j].prefetchFeatures(int(buffer[i+ahead]))
				}
				views[j].count(int(doc), counts, seen)
			}
		}
	}
}

// prefetchFeatures brings the features of a document into the cache.
func (f *forward) prefetchFeatures(doc int) {
	if start, end := f.bounds(doc); start < end {
		prefetchItems(f.narrow, start, end)
		prefetchItems(f.wide, start, end)
	}
}

// count adds 1 to the count of each feature of a document; with seen, only the
// first time for this document.
func (f *forward) count(doc int, counts, seen []uint32) {
	start, end := f.bounds(doc)
	if start == end {
		return
	}
	if f.wide != nil {
		countFeatures(f.wide[start:end], uint32(doc)+1, counts, seen)
		return
	}
	countFeatures(f.narrow[start:end], uint32(doc)+1, counts, seen)
}

func countFeatures[T uint16 | uint32](features []T, mark uint32, counts, seen []uint32) {
	if seen == nil {
		for _, x := range features {
			if int(x) < len(counts) {
				counts[x]++
			}
		}
		return
	}
	for _, x := range features {
		if int(x) < len(seen) && int(x) < len(counts) && seen[x] != mark {
			seen[x] = mark
			counts[x]++
		}
	}
}

// facets counts, for each list, the postings that are among the documents.
func (l *lists) facets(ctx context.Context, n int, documents *roaring.Bitmap, counts []uint32) error {
	words := make([]uint64, (n+span-1)>>chunkBits*(span/64))
	for it := documents.Iterator(); it.HasNext(); {
		doc := it.Next()
		if int(doc) >= n {
			break
		}
		words[doc/64] |= 1 << (doc % 64)
	}
	for slot := range l.entries {
		if slot%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		docs, _ := l.list(slot)
		count, at := 0, 0
		for _, r := range l.runsOf(slot) {
			chunk := (*[span / 64]uint64)(words[int(r.Block)<<blockBits&^(span-1)/64:])
			for _, d := range docs[at : at+int(r.Count)] {
				count += int(chunk[d/64] >> (d % 64) & 1)
			}
			at += int(r.Count)
		}
		counts[l.entries[slot].Feature] = uint32(count)
	}
	return nil
}
