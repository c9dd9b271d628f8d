package featureindex

import (
	"fmt"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"
)

// Bitmap returns the documents in which a feature is active, as a bitmap of the
// caller's own: empty for a feature or view that is not there.
func (s *Section) Bitmap(v View, feature uint32) *roaring.Bitmap {
	bitmap := roaring.New()
	if set, err := s.set(v); err == nil {
		set.addTo(bitmap, feature, nil)
	}
	return bitmap
}

// addTo adds the documents of a feature to a bitmap. scratch is memory for
// document numbers; it is returned.
func (l *lists) addTo(bitmap *roaring.Bitmap, feature uint32, scratch []uint32) []uint32 {
	slot := l.find(feature)
	if slot < 0 {
		return scratch
	}
	scratch = scratch[:0]
	l.visit(slot, func(doc uint32, _ uint8) bool {
		scratch = append(scratch, doc)
		return true
	})
	bitmap.AddMany(scratch)
	return scratch
}

// visit calls yield for the postings of a slot in order, until it returns false.
func (l *lists) visit(slot int, yield func(doc uint32, impact uint8) bool) {
	docs, impacts := l.list(slot)
	at := 0
	for _, r := range l.runsOf(slot) {
		base := uint32(r.Block) << blockBits &^ (span - 1)
		for i := at; i < at+int(r.Count); i++ {
			if !yield(base|uint32(docs[i]), impacts[i]) {
				return
			}
		}
		at += int(r.Count)
	}
}

// Postings yields the documents in which a feature is active, ascending, with
// the impact of its activation; impact·Scale is at least the activation, and
// above it by less than Scale.
func (s *Section) Postings(v View, feature uint32) iter.Seq2[uint32, uint8] {
	return func(yield func(uint32, uint8) bool) {
		set, err := s.set(v)
		if err != nil {
			return
		}
		if slot := set.find(feature); slot >= 0 {
			set.visit(slot, yield)
		}
	}
}

// Scale returns the activation that an impact of 1 stands for, or 0 where the
// feature does not occur.
func (s *Section) Scale(v View, feature uint32) float32 {
	if set, err := s.set(v); err == nil {
		if slot := set.find(feature); slot >= 0 {
			return set.entries[slot].Scale
		}
	}
	return 0
}

// Features yields the features that occur in a view, ascending, with the number
// of documents of each.
func (s *Section) Features(v View) iter.Seq2[uint32, int] {
	return func(yield func(uint32, int) bool) {
		set, err := s.set(v)
		if err != nil {
			return
		}
		for i := range set.entries {
			if !yield(set.entries[i].Feature, int(set.entries[i].Documents)) {
				return
			}
		}
	}
}

// Any returns the documents in which at least one of the features is active.
func (s *Section) Any(v View, features ...uint32) (*roaring.Bitmap, error) {
	set, err := s.checked(v, features)
	if err != nil {
		return nil, err
	}
	var scratch []uint32
	bitmap := roaring.New()
	for _, f := range features {
		scratch = set.addTo(bitmap, f, scratch)
	}
	return bitmap, nil
}

// All returns the documents in which each of the features is active: all
// documents when there are none.
func (s *Section) All(v View, features ...uint32) (*roaring.Bitmap, error) {
	set, err := s.checked(v, features)
	if err != nil {
		return nil, err
	}
	var scratch []uint32
	all := roaring.New()
	for i, f := range features {
		if i == 0 {
			scratch = set.addTo(all, f, scratch)
			continue
		}
		if all.IsEmpty() {
			break
		}
		next := roaring.New()
		scratch = set.addTo(next, f, scratch)
		all.And(next)
	}
	if len(features) == 0 {
		all.AddRange(0, uint64(s.n))
	}
	return all, nil
}

// Not returns the documents in which none of the features is active.
func (s *Section) Not(v View, features ...uint32) (*roaring.Bitmap, error) {
	bitmap, err := s.Any(v, features...)
	if err == nil {
		bitmap.Flip(0, uint64(s.n))
	}
	return bitmap, err
}

// checked returns the list set of a view, or an error for features that no
// document could have.
func (s *Section) checked(v View, features []uint32) (*lists, error) {
	for _, f := range features {
		if int(f) >= s.o.Features {
			return nil, fmt.Errorf("%w: feature %d of %d", ErrQuery, f, s.o.Features)
		}
	}
	return s.set(v)
}
