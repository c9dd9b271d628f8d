package featureindex

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Bitmap returns the documents in which a feature is active, as a bitmap of the
// caller's own: empty for a feature or view that is not there. It is made from
// the list, in two or three nanoseconds a document; keeping bitmaps in the section as
// well would cost 2 bytes a posting.
func (s *Section) Bitmap(v View, feature uint32) *roaring.Bitmap {
	if set, err := s.set(v); err == nil {
		if slot := set.find(feature); slot >= 0 {
			return set.bitmap(slot)
		}
	}
	return roaring.New()
}

// bitmap makes the bitmap of a slot. Its containers, of 65,536 documents each,
// are the parts of the list: it is put down in roaring's serial form, in which
// up to 4,096 documents are an array of u16 and more are 65,536 bits, and read.
func (l *lists) bitmap(slot int) *roaring.Bitmap {
	docs, _ := l.list(slot)
	containers := l.containers(slot)
	for _, c := range containers {
		if !ascending(docs[c.start:c.end]) {
			return l.damaged(slot)
		}
	}
	const cookie, mostInArray = 12346, 4096
	b := make([]byte, 0, 8+8*len(containers)+2*len(docs))
	b = binary.LittleEndian.AppendUint32(b, cookie)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(containers)))
	for _, c := range containers {
		b = binary.LittleEndian.AppendUint16(b, uint16(c.key))
		b = binary.LittleEndian.AppendUint16(b, uint16(c.end-c.start-1))
	}
	offset := len(b) + 4*len(containers)
	for _, c := range containers {
		b = binary.LittleEndian.AppendUint32(b, uint32(offset))
		offset += min(2*(c.end-c.start), span/8)
	}
	for _, c := range containers {
		if c.end-c.start <= mostInArray {
			b = append(b, bytesOf(docs[c.start:c.end])...)
			continue
		}
		var words [span / 64]uint64
		for _, d := range docs[c.start:c.end] {
			words[d/64] |= 1 << (d % 64)
		}
		b = append(b, bytesOf(words[:])...)
	}
	bitmap := roaring.New()
	if _, err := bitmap.FromBuffer(b); err != nil {
		return l.damaged(slot)
	}
	return bitmap
}

// A container is the part of a list in 65,536 documents.
type container struct{ key, start, end int }

// containers returns the containers of a slot.
func (l *lists) containers(slot int) []container {
	var containers []container
	at := 0
	for block, count := range l.runsOf(slot) {
		key := block >> (chunkBits - blockBits)
		if n := len(containers); n > 0 && containers[n-1].key == key {
			containers[n-1].end += count
		} else {
			containers = append(containers, container{key, at, at + count})
		}
		at += count
	}
	return containers
}

// ascending tells whether each document is above the one before, as it is in a
// sound section.
func ascending(docs []uint16) bool {
	for i := 1; i < len(docs); i++ {
		if docs[i] <= docs[i-1] {
			return false
		}
	}
	return true
}

// damaged makes a bitmap of whatever a damaged list holds.
func (l *lists) damaged(slot int) *roaring.Bitmap {
	bitmap := roaring.New()
	l.visit(slot, func(doc uint32, _ uint8) bool {
		bitmap.Add(doc)
		return true
	})
	return bitmap
}

// visit calls yield for the postings of a slot in order, until it returns false.
func (l *lists) visit(slot int, yield func(doc uint32, impact uint8) bool) {
	docs, impacts := l.list(slot)
	at := 0
	for block, count := range l.runsOf(slot) {
		base := uint32(block) << blockBits &^ (span - 1)
		for i := at; i < at+count; i++ {
			if !yield(base|uint32(docs[i]), impacts[i]) {
				return
			}
		}
		at += count
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
	if err := s.checkFilter(v, features); err != nil {
		return nil, err
	}
	bitmaps := make([]*roaring.Bitmap, len(features))
	for i, f := range features {
		bitmaps[i] = s.Bitmap(v, f)
	}
	return roaring.FastOr(bitmaps...), nil
}

// All returns the documents in which each of the features is active: all
// documents when there are none.
func (s *Section) All(v View, features ...uint32) (*roaring.Bitmap, error) {
	if err := s.checkFilter(v, features); err != nil {
		return nil, err
	}
	all := roaring.New()
	if len(features) == 0 {
		all.AddRange(0, uint64(s.n))
		return all, nil
	}
	rarest := slices.Clone(features)
	slices.SortFunc(rarest, func(a, b uint32) int {
		return cmp.Compare(s.DocumentFrequency(v, a), s.DocumentFrequency(v, b))
	})
	all = s.Bitmap(v, rarest[0])
	for _, f := range rarest[1:] {
		if all.IsEmpty() {
			break
		}
		all.And(s.Bitmap(v, f))
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

// checkFilter returns an error for a view that is not there and for features
// that no document could have.
func (s *Section) checkFilter(v View, features []uint32) error {
	for _, f := range features {
		if int(f) >= s.o.Features {
			return fmt.Errorf("%w: feature %d of %d", ErrQuery, f, s.o.Features)
		}
	}
	_, err := s.set(v)
	return err
}
