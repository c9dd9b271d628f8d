// Package featureindex is the feature section of an index segment: the feature
// codes and dense vectors of the segment's documents, written, merged, checked,
// and searched. It knows nothing of the index around it.
//
// # Model
//
// A section holds n documents, numbered from 0. A document has a code in each of
// 1 to 8 views, any of them empty, and may have two dense vectors: its embedding
// z and the sum u over its views. A [Builder] gathers documents and writes them;
// [Open] lays a [Section] over the bytes, as a rule a memory map; [Merge] writes
// the section of the documents that several sections keep, byte for byte what a
// Builder would have written. [Section.Validate] checks every byte.
//
// Codes are kept twice: by document, exact, and by feature, rounded. A query
// goes through the lists of its features, block by block, with counters that fit
// the cache; the few documents that may be among the best are then scored from
// their codes in float64. So all answers are exact: [Section.Dot],
// [Section.Overlap] and [Section.Dense] return the hits, scores and order of
// brute force in float64, ties to the lower document, whatever the machine, the
// threads or the history of merges. docs/format.md draws the format and says
// what was weighed.
//
// # Vocabulary
//
//	feature     a number below D, the features of a model
//	activation  how strongly a feature is present: a positive float32
//	code        the features of a document in a view, with their activations
//	support     the features of a code
//	view        one reading of a document: original, qa, summary, purpose
//	union       all views at once: an activation is the sum over the views, a
//	            support the union of their supports
//	posting     a document in the list of a feature
//	impact      its activation as a whole number 1 to 255 of the feature's
//	            scale, rounded up: impact·scale bounds the activation
//	block       32,768 documents, whose counters are in use at a time
//	run         the part of a list in one block
//	list set    the lists of a view or of the union
//	column      the dense vectors of one kind, z or u
//	section     all of this, in one array of bytes
//
// # Caveats
//
// Open checks the structure and not the contents: the bytes of a damaged section
// may give wrong answers, never a panic or a fault, until Validate tells. A file
// that is cut short while it is mapped ends the program, as for every memory map.
// On big-endian machines, and where the section does not begin at an address
// divisible by 8, arrays are copied when they are opened or used.
//
// A Search's bitmaps must not be written to while it runs. A hit shares at least
// one feature with the query: Dot never returns documents without any, even if
// the others score below 0.
package featureindex
