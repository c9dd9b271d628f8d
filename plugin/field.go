package plugin

import (
	"slices"

	"github.com/steersight/steersight/featureindex"

	index "github.com/blevesearch/bleve_index_api"
)

// UnionField is the name under which stock queries and facets find the union
// of a document's views; a view is found under its own name.
const UnionField = "features"

// A Field carries the codes and vectors of one document into a batch:
//
//	doc := document.NewDocument(id)
//	err := index.Mapping().MapDocument(doc, data)
//	doc.AddField(plugin.NewField(options, codes))
//	err = batch.IndexAdvanced(doc)
//
// A document has at most one. To zap it is a field that is neither indexed nor
// stored, so that it costs the text index nothing but its name.
type Field struct {
	options  *featureindex.Options
	document featureindex.Document
}

// NewField returns a Field. The options must be those of the index; the codes
// and vectors are checked when the batch is indexed, and must not change before.
func NewField(o *featureindex.Options, d featureindex.Document) *Field {
	return &Field{options: o, document: d}
}

// Name returns UnionField.
func (f *Field) Name() string { return UnionField }

// Value returns nil: nothing is stored.
func (f *Field) Value() []byte { return nil }

// ArrayPositions returns nil.
func (f *Field) ArrayPositions() []uint64 { return nil }

// EncodedFieldType returns a letter that no field of Bleve has.
func (f *Field) EncodedFieldType() byte { return 'F' }

// Analyze does nothing.
func (f *Field) Analyze() {}

// Options returns none: zap neither indexes nor stores the field.
func (f *Field) Options() index.FieldIndexingOptions { return 0 }

// AnalyzedLength returns 0.
func (f *Field) AnalyzedLength() int { return 0 }

// AnalyzedTokenFrequencies returns nil.
func (f *Field) AnalyzedTokenFrequencies() index.TokenFrequencies { return nil }

// NumPlainTextBytes returns 0.
func (f *Field) NumPlainTextBytes() uint64 { return 0 }

// Size returns about how many bytes the field takes in memory.
func (f *Field) Size() int {
	size := 128 + 4*(len(f.document.Embedding)+len(f.document.Sum))
	for _, c := range f.document.Views {
		size += 48 + 8*len(c.Features)
	}
	return size
}

// sameOptions tells whether sections of a and b may be merged.
func sameOptions(a, b *featureindex.Options) bool {
	return a == b || a.Fingerprint == b.Fingerprint && a.Features == b.Features && a.Dim == b.Dim &&
		a.Half == b.Half && slices.Equal(a.Views, b.Views)
}
