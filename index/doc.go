// Package index is what an application opens: documents go in, and explained,
// faceted and steered hits come out.
//
// A document is a text with metadata fields and an embedding. The index makes
// the document's views and sparse codes with the feature model and keeps them
// in the segments of a Bleve index, beside the words of the text, so that
// batches, snapshots, merges and crash recovery hold for all of it together.
//
// A search may rank by words, by the vectors, by the codes, or by both words
// and vectors; filter by words, fields and features; turn features up, down or
// off (toggles); count features and field values (facets); and say for each
// hit which features it shares with the query and what each adds to its score.
// Rankings are exact: steering ranks the whole index, and what is approximate
// says so in the answer.
//
// Words: a feature's activation is its strength in a vector; a code is a
// vector's activations; a view is one of a document's vectors (original, qa,
// summary, purpose); a toggle is a feature and its factor α.
//
// An index knows the fingerprint of the model that made it, and opens with no
// other.
package index
