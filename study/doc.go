// Package study measures what the features of a model are good for, as the
// paper does: so far, retrieval.
//
// The words are the field's: judgments say how relevant a document is to a
// query, a run ranks documents for each query, nDCG and recall say how well.
package study
