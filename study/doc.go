// Package study makes feature models out of embeddings, and measures what
// features are good for, as the paper does: how an index ranks, and how well
// names fit its features.
//
// The words are the field's: judgments say how relevant a document is to a
// query, a run ranks documents for each query, nDCG and recall say how well. A
// label is the name of a feature; its detection score is the balanced accuracy
// with which it tells texts that have the feature from texts that have not. What
// is held out is chosen by seed, is never trained on, and is what figures are of.
//
// Training gives the same bits whatever the number of threads: work is shared
// out in blocks that do not depend on it, and sums are added in a fixed order.
//
// A chat is a language model on a server. It writes the texts that internalizers
// are trained on, and names features; what that takes is known before it is
// asked, and what it answered is kept when a run ends early.
package study
