package plugin

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// SegmentType and SegmentVersion name the kind of segment in an index's files.
// The version is that of the zap format inside, as scorch decides by it.
const (
	SegmentType    = "zapsae"
	SegmentVersion = zap.Version
)

// segments is the segment plugin: zap's, with sections grafted on.
type segments struct{ zap zap.ZapPlugin }

func init() { scorch.RegisterSegmentPlugin(&segments{}, false) }

// Type returns SegmentType.
func (*segments) Type() string { return SegmentType }

// Version returns SegmentVersion.
func (*segments) Version() uint32 { return SegmentVersion }

// New makes a segment in memory.
func (p *segments) New(documents []index.Document) (segment.Segment, uint64, error) {
	return p.NewUsing(documents, nil)
}

// NewUsing makes a segment in memory. An error is of the batch: nothing of it
// is indexed.
func (p *segments) NewUsing(documents []index.Document, config map[string]any) (segment.Segment, uint64, error) {
	if index.WriterHook != nil {
		return nil, 0, ErrWriterHook
	}
	flat := flatten(nil, documents)
	raw, err := buildSection(flat, config)
	if err != nil {
		return nil, 0, err
	}
	inner, size, err := p.zap.NewUsing(documents, config)
	if err != nil {
		return nil, 0, err
	}
	if inner.Count() != uint64(len(flat)) {
		return nil, 0, fmt.Errorf("%w: zap numbers %d documents, not %d", ErrSegment, inner.Count(), len(flat))
	}
	codes, err := newFeatures(raw, len(flat))
	if err != nil {
		return nil, 0, err
	}
	base, ok := inner.(*zap.SegmentBase)
	if !ok {
		return nil, 0, fmt.Errorf("%w: %T", ErrSegment, inner)
	}
	return &memorySegment{zapMemory{base}, virtual{codes, base}}, size + uint64(len(raw)), nil
}

// flatten appends documents in the order in which zap numbers them: each
// before the documents nested in it.
func flatten(flat, documents []index.Document) []index.Document {
	for _, d := range documents {
		flat = append(flat, d)
		if nested, ok := d.(index.NestedDocument); ok {
			nested.VisitNestedDocuments(func(child index.Document) {
				flat = flatten(flat, []index.Document{child})
			})
		}
	}
	return flat
}

// buildSection encodes the documents' codes, none where no options are known:
// neither by the index's configuration nor by any Field.
func buildSection(documents []index.Document, config map[string]any) ([]byte, error) {
	options, err := configured(config)
	if err != nil {
		return nil, err
	}
	fields := make([]*Field, len(documents))
	for i, d := range documents {
		if fields[i], err = fieldOf(d); err != nil {
			return nil, err
		}
		if fields[i] != nil && options == nil {
			options = fields[i].options
		}
	}
	if options == nil {
		return nil, nil
	}
	if err := checkOptions(options, documents, fields); err != nil {
		return nil, err
	}
	if err := checkNames(options, documents); err != nil {
		return nil, err
	}
	raw, err := encodeDocuments(options, fields)
	var bad *documentError
	if errors.As(err, &bad) {
		return nil, fmt.Errorf("%w of document %q: %w", ErrField, documents[bad.number].ID(), bad.err)
	}
	return raw, err
}

// checkOptions returns an error for a field with other options than o.
func checkOptions(o *featureindex.Options, documents []index.Document, fields []*Field) error {
	for i, f := range fields {
		if f != nil && !sameOptions(f.options, o) {
			return fmt.Errorf("%w of document %q are not the index's", ErrOptions, documents[i].ID())
		}
	}
	return nil
}

// checkNames returns an error for a document with a field of its own that could
// not be searched, because a view has its name.
func checkNames(o *featureindex.Options, documents []index.Document) (err error) {
	for _, d := range documents {
		d.VisitFields(func(f index.Field) {
			_, ours := f.(*Field)
			if _, taken := viewNamed(o.Views, f.Name()); taken && !ours && f.Name() != "" {
				err = fmt.Errorf("%w of document %q: its own field %q has the name of a view", ErrField, d.ID(), f.Name())
			}
		})
	}
	return err
}

// encodeDocuments encodes one document for each field, an empty one for nil.
func encodeDocuments(o *featureindex.Options, fields []*Field) ([]byte, error) {
	builder, err := featureindex.NewBuilder(*o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	none := featureindex.Document{Views: make([]featureindex.Code, len(o.Views))}
	for i, f := range fields {
		d := none
		if f != nil {
			d = f.document
		}
		if err := builder.Add(d); err != nil {
			return nil, &documentError{i, err}
		}
	}
	var raw bytes.Buffer
	raw.Grow(builder.SizeHint())
	if _, err := builder.WriteTo(&raw); err != nil {
		return nil, err
	}
	return raw.Bytes(), nil
}

// A documentError is of the document with a number.
type documentError struct {
	number int
	err    error
}

func (e *documentError) Error() string { return e.err.Error() }
func (e *documentError) Unwrap() error { return e.err }

// fieldOf returns a document's Field, or nil.
func fieldOf(d index.Document) (found *Field, err error) {
	d.VisitFields(func(f index.Field) {
		if field, ok := f.(*Field); ok {
			if found != nil || field == nil || field.options == nil {
				err = fmt.Errorf("%w of document %q: more than one, or without options", ErrField, d.ID())
			}
			found = field
		}
	})
	return found, err
}

// Open opens a segment's file.
func (p *segments) Open(path string) (segment.Segment, error) { return p.OpenUsing(path, nil) }

// OpenUsing opens a segment's file. Only zap's part can fail: an error here
// makes scorch fall back to an older snapshot, so that a damaged section would
// take texts with it.
func (p *segments) OpenUsing(path string, config map[string]any) (s segment.Segment, err error) {
	defer func() {
		if r := recover(); r != nil { // zap trusts its offsets
			s, err = nil, &CorruptionError{File: path, Part: "zap", Err: fmt.Errorf("%v", r)}
		}
	}()
	inner, err := p.zap.OpenUsing(path, config)
	if err != nil {
		return nil, err
	}
	disk, ok := inner.(*zap.Segment)
	if !ok {
		return nil, fmt.Errorf("%w: %T", ErrSegment, inner)
	}
	codes := openFeatures(path, disk.Data(), int(disk.Count()))
	return &diskSegment{disk, virtual{codes, &disk.SegmentBase}}, nil
}
