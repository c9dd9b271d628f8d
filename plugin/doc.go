// Package plugin keeps the feature codes of documents in Bleve's segments, and
// queries, counts and explains them there.
//
// # Model
//
// Bleve's index, scorch, is a list of segments: files that are written once and
// merged into others later. This package adds a type of segment, "zapsae". It is
// Bleve's own, zap, with a section of package featureindex grafted on: the codes
// and vectors of exactly the documents of that segment. Codes are therefore as
// transactional as text: a batch brings both or none, a search sees one state
// of both, and deletes, merges, copies, rollbacks and recovery after a crash are
// Bleve's.
//
// Create makes an index of such segments for one feature model, and bleve.Open
// opens it again in any program that imports this package; a program that does
// not gets an error, and cannot drop codes by merging. A document's codes go
// into a batch as a Field:
//
//	index, err := plugin.Create(path, bleve.NewIndexMapping(), options, nil)
//	doc := document.NewDocument(id)
//	err = index.Mapping().MapDocument(doc, data)
//	doc.AddField(plugin.NewField(&options, codes))
//	err = batch.IndexAdvanced(doc)
//
// # Vocabulary
//
// A feature is one of the SAE's dictionary; its activation in a view of a
// document is a number; a code is the sparse vector of activations of a view
// ("original", "qa" and so on); the union of the views has a feature where any
// view has it, and the sum of its activations. A query names a view, or the
// union with "". A section is a segment's part with the codes. A toggle scales
// a feature by a factor α.
//
// # Queries
//
// Dot, Overlap, KNN and Steer score documents; All, Any and Not filter them.
// They are ordinary queries of Bleve's: alone, in boolean queries, conjunctions
// and disjunctions, on an alias, and as JSON under "custom_score" and
// "custom_filter".
//
// A scoring query with K yields the K best live documents of the index, ties to
// the lower document number, whatever is around it: in a conjunction, the K best
// are found first and the others are then taken away. To rank only among some
// documents, put what selects them into Filter. Without K, it yields every
// document that matches. In a filter clause of a boolean query, and in a request
// with Score "none", there are no scores and so no best documents: K is not
// looked at. In a must_not clause it is, so leave it out there. An alias asks
// each index for its K best.
//
// Scores are exact: float64 sums of exact products, in the order of views and
// features. Neither the scores of text queries beside them nor Bleve's query
// norms change them. With req.Explain, hits have explanations whose leaves add
// up to the score.
//
// # Views as fields
//
// To Bleve's own queries, each view is a field of its name and the union is the
// field UnionField, with the features' numbers as terms: the query string
// "+original:431 -qa:7", term, prefix and wildcard queries and term facets
// work. They know that a feature is active but not how strongly, and they are
// far slower than this package's queries. A batch with documents whose own fields
// are named like a view or like UnionField fails.
//
// # Snapshots
//
// Watch and Acquire hold on to the state of an index. A Snapshot's facets,
// codes, shared features and explanations are of exactly the state that a search
// ran on.
//
// # Damage
//
// A section is compared with its checksum when a query first needs it, not when
// its file is opened. A segment whose section is damaged has no codes; its texts
// are found as before. CheckHealth says so, and Check, which reads every byte,
// names file, part and offset. When a damaged section is merged, its documents
// go on without codes, and the number of those lost stays in the files from then
// on: index into a new index. Damage to zap's own part of a file is beyond this package, apart
// from Check's report.
//
// # Caveats
//
// Importing the package registers the segment type and takes Bleve's two hooks
// for custom queries. Parsers that were set before are asked for what this
// package does not know; a program that sets a parser later must do likewise.
//
// All batches of an index share its Options; a Field with others, or with a code
// that is not what they declare, fails its batch. index.WriterHook, which
// encrypts zap's files, is refused.
//
// The version of the segment type is that of the zap inside. When Bleve moves to
// a newer zap, an index stays at its version, and both plugins must be
// registered, until it is written anew.
package plugin
