package plugin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/steersight/steersight/featureindex"

	"github.com/RoaringBitmap/roaring/v2"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// Merge merges segments into a file.
func (p *segments) Merge(inputs []segment.Segment, drops []*roaring.Bitmap, path string,
	closeCh chan struct{}, s segment.StatsReporter) ([][]uint64, uint64, error) {
	return p.MergeUsing(inputs, drops, path, closeCh, s, nil)
}

// MergeUsing merges segments into a file: zap writes its part, the sections are
// merged behind it by the document numbers that zap gave out. A segment whose
// section is missing or damaged contributes texts without codes, and the loss
// is counted in the new file.
func (p *segments) MergeUsing(inputs []segment.Segment, drops []*roaring.Bitmap, path string,
	closeCh chan struct{}, s segment.StatsReporter, config map[string]any) ([][]uint64, uint64, error) {
	if index.WriterHook != nil {
		return nil, 0, ErrWriterHook
	}
	m := &merging{}
	inner, err := m.unwrap(inputs)
	if err != nil {
		return nil, 0, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err // zap does not truncate
	}
	maps, _, err := p.zap.MergeUsing(inner, drops, path, closeCh, s, config)
	if err != nil {
		return nil, 0, err
	}
	written, err := m.graft(path, maps, closeCh, s)
	if errors.Is(err, featureindex.ErrCanceled) {
		err = segment.ErrClosed
	}
	if err != nil {
		return nil, 0, err
	}
	return maps, written, nil
}

// A merging is one merge under way.
type merging struct {
	codes []*features // of each input
}

// unwrap returns the segments that zap knows, and keeps their features.
func (m *merging) unwrap(inputs []segment.Segment) ([]segment.Segment, error) {
	inner := make([]segment.Segment, len(inputs))
	for i, s := range inputs {
		switch s := s.(type) {
		case *memorySegment:
			inner[i] = s.SegmentBase
			m.codes = append(m.codes, s.codes)
		case *diskSegment:
			inner[i] = s.Segment
			m.codes = append(m.codes, s.codes)
		case *zap.SegmentBase, *zap.Segment:
			inner[i] = s
			m.codes = append(m.codes, &features{})
		default:
			return nil, fmt.Errorf("%w: %T", ErrSegment, s)
		}
	}
	return inner, nil
}

// graft adds the merged section to zap's file and returns the file's length. It
// removes the file on an error.
func (m *merging) graft(path string, maps [][]uint64, cancel <-chan struct{}, s segment.StatsReporter) (n uint64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = closeFile(f, err) }()
	footer, sum, err := readZap(f)
	if err != nil {
		return 0, err
	}
	before := sum.n
	buffer := bufio.NewWriterSize(f, 1<<20)
	sum.w = buffer
	sections, lost, err := m.inputs(maps)
	if err != nil {
		return 0, err
	}
	err = writeGraft(sum, footer, lost, func(w io.Writer) (int64, error) {
		if len(sections) == 0 {
			return 0, nil
		}
		return featureindex.Merge(w, sections, cancel)
	})
	if err != nil {
		return 0, err
	}
	if err := buffer.Flush(); err != nil {
		return 0, err
	}
	if s != nil {
		s.ReportBytesWritten(uint64(sum.n - before))
	}
	return uint64(sum.n), f.Sync()
}

// readZap reads zap's data up to its footer, where it leaves the file, and
// returns the footer and the sum of the data.
func readZap(f *os.File) (footer []byte, sum *sumWriter, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, nil, err
	}
	footer = make([]byte, zap.FooterSize)
	if _, err := f.ReadAt(footer, size-zap.FooterSize); err != nil {
		return nil, nil, err
	}
	sum = &sumWriter{w: io.Discard}
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size-zap.FooterSize)); err != nil {
		return nil, nil, err
	}
	_, err = f.Seek(size-zap.FooterSize, io.SeekStart)
	return footer, sum, err
}

// inputs returns the sections to merge with the new numbers of their documents,
// none if no input has a section, and how many documents have lost their codes.
func (m *merging) inputs(maps [][]uint64) (inputs []featureindex.Input, lost uint32, err error) {
	options, total := m.options(), uint64(0)
	for i, documents := range maps {
		codes := m.codes[i]
		total += uint64(codes.lost)
		if codes.health() != nil {
			total += live(documents)
		}
		if options == nil {
			continue
		}
		section := codes.section()
		if section == nil {
			if section, err = emptySection(options, len(documents)); err != nil {
				return nil, 0, err
			}
		}
		inputs = append(inputs, featureindex.Input{Section: section, Map: documents})
	}
	return inputs, uint32(min(total, math.MaxUint32)), nil
}

// options returns those of the first section, or nil.
func (m *merging) options() *featureindex.Options {
	for _, codes := range m.codes {
		if section := codes.section(); section != nil {
			o := section.Options()
			return &o
		}
	}
	return nil
}

// emptySection returns a section of documents without codes.
func emptySection(o *featureindex.Options, documents int) (*featureindex.Section, error) {
	raw, err := encodeDocuments(o, make([]*Field, documents))
	if err != nil {
		return nil, err
	}
	return featureindex.Open(raw)
}

// live returns how many documents a map keeps.
func live(documents []uint64) (n uint64) {
	for _, d := range documents {
		if d != math.MaxUint64 {
			n++
		}
	}
	return n
}
