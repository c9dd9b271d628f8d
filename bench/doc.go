// Package bench measures searches over real indexes: how long they take, what
// the index and its making cost, and whether the answers are those of brute
// force. It measures, too, what goes before: embeddings ([Embed]), views and
// codes ([Encode]).
//
// [Sparse] and [Steer] read a code set: a folder with indptr.npy (int64, one
// more than there are documents), feats.npy (int32, ascending in a document)
// and acts.npy (float32), and the same for the queries in files that begin with
// q_. [Dense] makes its own vectors. These three build an index on disk in a
// temporary folder, in batches as an application would, merge it into one
// segment, and search it through Bleve.
//
// # Figures
//
// A query runs once to warm up and then in several rounds, all queries in each;
// its time is the fastest of them, which is what a machine that other programs
// use too still tells. p10, p50 and p99 are over the queries. "Kernel" is the
// same query asked of package featureindex directly: the difference is what
// Bleve adds.
//
// The truth is computed from the code set, not from the index, in float64 and
// outside the timings. Recall is the share of the true best that were found; an
// answer is in order if ids and scores are the true ones, place by place.
//
// # Caveats
//
// Compare only figures of one run on one machine. Resident memory counts mapped
// files, so the peak of a merge grows with the index; "anonymous" is what the
// program itself holds, sampled every few milliseconds. Both are known on Linux
// only, and are 0 elsewhere. Scorch merges in the background while batches are
// added, on other threads: processor time is what it costs in all.
package bench
