// Package study makes feature models out of embeddings, and measures what
// features are good for, as the paper does: so far, retrieval.
//
// The words are the field's: judgments say how relevant a document is to a
// query, a run ranks documents for each query, nDCG and recall say how well. What
// is held out is chosen by seed, is never trained on, and is what figures are of.
//
// Training gives the same bits whatever the number of threads: work is shared
// out in blocks that do not depend on it, and sums are added in a fixed order.
package study
