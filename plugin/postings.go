package plugin

import (
	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// postings are the documents of a feature as Bleve's own searchers read them.
// Every posting has frequency 1 and norm 1: how strong a feature is, only this
// package's queries know.
type postings struct {
	noBytes
	docs *roaring.Bitmap
}

// noBytes reports no bytes read or written: a section is read by memory map.
type noBytes struct{}

func (noBytes) BytesRead() uint64     { return 0 }
func (noBytes) ResetBytesRead(uint64) {}
func (noBytes) BytesWritten() uint64  { return 0 }

// Iterator returns the postings in the order of documents.
func (p *postings) Iterator(_, _, _ bool, _ segment.PostingsIterator) segment.PostingsIterator {
	return &postingsIterator{docs: p.docs, it: p.docs.Iterator()}
}

// Count returns the number of documents.
func (p *postings) Count() uint64 { return p.docs.GetCardinality() }

// Size returns the bytes of memory taken.
func (p *postings) Size() int { return int(p.docs.GetSizeInBytes()) }

// A postingsIterator walks postings. It offers its bitmap to scorch, which then
// intersects and unites whole bitmaps.
type postingsIterator struct {
	noBytes
	docs    *roaring.Bitmap
	it      roaring.IntPeekable
	current posting
}

// Next returns the next posting, or nil.
func (i *postingsIterator) Next() (segment.Posting, error) {
	if !i.it.HasNext() {
		return nil, nil
	}
	i.current = posting(i.it.Next())
	return &i.current, nil
}

// Advance returns the posting of doc or of the first document after it, or nil.
func (i *postingsIterator) Advance(doc uint64) (segment.Posting, error) {
	if doc > uint64(^uint32(0)) {
		return nil, nil
	}
	i.it.AdvanceIfNeeded(uint32(doc))
	return i.Next()
}

// Size returns the bytes of memory taken.
func (i *postingsIterator) Size() int { return 64 }

// ActualBitmap returns the documents.
func (i *postingsIterator) ActualBitmap() *roaring.Bitmap { return i.docs }

// DocNum1Hit reports that this is not zap's form for a single document.
func (i *postingsIterator) DocNum1Hit() (uint64, bool) { return 0, false }

// ReplaceActual narrows the documents down.
func (i *postingsIterator) ReplaceActual(docs *roaring.Bitmap) {
	i.docs, i.it = docs, docs.Iterator()
}

// A posting is a document.
type posting uint32

func (p *posting) Number() uint64                { return uint64(*p) }
func (p *posting) Frequency() uint64             { return 1 }
func (p *posting) Norm() float64                 { return 1 }
func (p *posting) Locations() []segment.Location { return nil }
func (p *posting) Size() int                     { return 4 }
