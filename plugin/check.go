package plugin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
)

// ErrLost is the cause of a CorruptionError for codes that were lost when a
// damaged section was merged.
var ErrLost = errors.New("codes were lost to damage before a merge")

// Health is the state of an index's feature sections.
type Health struct {
	Segments int     // of the index
	Codeless int     // segments that never had codes
	Damaged  []error // a CorruptionError for each segment whose codes cannot be read
	Lost     uint64  // documents, at most, whose codes were lost in merges
}

// OK tells whether all codes that were indexed are there.
func (h *Health) OK() bool { return len(h.Damaged) == 0 && h.Lost == 0 }

// add adds the segments of a snapshot.
func (h *Health) add(parts []part) {
	for _, p := range parts {
		h.Segments++
		switch {
		case p.codes == nil:
			h.Codeless++
			continue
		case p.codes.health() != nil:
			h.Damaged = append(h.Damaged, p.codes.health())
		case p.codes.opened == nil:
			h.Codeless++
		}
		h.Lost += uint64(p.codes.lost)
	}
}

// CheckHealth compares the checksum of each section that no query has used yet,
// and tells what is wrong. Check looks closer.
func CheckHealth(i bleve.Index) (h Health, err error) {
	err = withReader(i, func(r *scorch.IndexSnapshot) error {
		h.add(segmentsOf(r))
		return nil
	})
	return h, err
}

// Check reads every byte of an index's segments: checksums of files, and all
// that a section must hold. It returns what is damaged, with file, part and
// offset, and an error when it cannot tell.
func Check(ctx context.Context, i bleve.Index) (damage []*CorruptionError, err error) {
	err = withReader(i, func(r *scorch.IndexSnapshot) error {
		for _, p := range segmentsOf(r) {
			if err := ctx.Err(); err != nil {
				return err
			}
			damage = append(damage, p.check()...)
		}
		return nil
	})
	return damage, err
}

// check returns what is wrong with a segment.
func (p *part) check() (damage []*CorruptionError) {
	add := func(err error) {
		var c *CorruptionError
		if errors.As(err, &c) {
			damage = append(damage, c)
		}
	}
	if p.codes == nil {
		return nil
	}
	add(p.codes.health())
	if section := p.codes.section(); section != nil {
		if err := section.Validate(); err != nil {
			add(p.codes.corruption(err))
		}
	}
	if p.codes.lost > 0 {
		add(&CorruptionError{File: p.codes.file, Part: "section", Offset: p.codes.base,
			Err: fmt.Errorf("%d documents: %w", p.codes.lost, ErrLost)})
	}
	if file := p.codes.data; len(file) > 4 {
		at := len(file) - 4
		if want, got := binary.BigEndian.Uint32(file[at:]), crc32.ChecksumIEEE(file[:at]); want != got {
			add(&CorruptionError{File: p.codes.file, Part: "file", Offset: int64(at),
				Err: fmt.Errorf("checksum %08x, want %08x", got, want)})
		}
	}
	return damage
}
