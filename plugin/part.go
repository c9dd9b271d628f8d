package plugin

import (
	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
)

// A part is a segment of a snapshot. Its documents are numbered from base in
// the snapshot.
type part struct {
	codes   *features // nil for a foreign segment
	base    uint64
	count   uint64          // of documents, deleted ones included
	deleted *roaring.Bitmap // nil for none; not to be written to
}

// segmentsOf returns the parts of a snapshot, in order.
func segmentsOf(r *scorch.IndexSnapshot) []part {
	parts := make([]part, 0, len(r.Segments()))
	base := uint64(0)
	for _, s := range r.Segments() {
		p := part{base: base, count: s.Segment().Count(), deleted: s.Deleted()}
		if f, ok := s.Segment().(featured); ok {
			p.codes = f.features()
		}
		parts = append(parts, p)
		base += p.count
	}
	return parts
}

// live returns the documents of the part that are not deleted.
func (p *part) live() *roaring.Bitmap {
	all := roaring.New()
	all.AddRange(0, p.count)
	if p.deleted != nil {
		all.AndNot(p.deleted)
	}
	return all
}
