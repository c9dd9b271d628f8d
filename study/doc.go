// Package study measures what the features of a model are good for, as the
// paper does: how an index ranks, and how well names fit its features.
//
// The words are the field's: judgments say how relevant a document is to a
// query, a run ranks documents for each query, nDCG and recall say how well. A
// label is the name of a feature; its detection score is the balanced accuracy
// with which it tells texts that have the feature from texts that have not.
package study
