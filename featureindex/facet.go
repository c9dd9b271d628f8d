package featureindex

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"
)

// Facets returns, by feature, in how many of the documents it is active: a
// slice of Options.Features counts. All documents are counted for nil. Documents
// that the section does not have are left out.
//
// The codes of the documents are counted or, where these are more than half of
// all, those of the others, to be taken off the numbers of the lists. Going
// through the lists of all features takes longer than counting half of the
// codes, whatever the documents are.
func (s *Section) Facets(ctx context.Context, v View, documents *roaring.Bitmap) ([]uint32, error) {
	set, err := s.set(v)
	if err != nil {
		return nil, err
	}
	counts := make([]uint32, s.o.Features)
	if documents != nil && documents.GetCardinality() <= uint64(s.n)/2 {
		return counts, s.countCodes(ctx, v, documents, counts)
	}
	if documents != nil {
		others := roaring.Flip(documents, 0, uint64(s.n))
		if err := s.countCodes(ctx, v, others, counts); err != nil {
			return nil, err
		}
	}
	for i := range set.entries {
		e := &set.entries[i]
		counts[e.Feature] = e.Documents - counts[e.Feature]
	}
	return counts, ctx.Err()
}

// countCodes adds, for each feature, the number of the documents in which it is
// active.
func (s *Section) countCodes(ctx context.Context, v View, documents *roaring.Bitmap, counts []uint32) error {
	const ahead = 8
	views := s.of(v)
	var buffer [256]uint32
	var seen []uint32 // 1 + the document in which a feature was counted last
	if len(views) > 1 {
		seen = make([]uint32, len(counts))
	}
	it := documents.ManyIterator()
	for {
		n := it.NextMany(buffer[:])
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
