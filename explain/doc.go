// Package explain says why a query and a document match: which features they
// share, in which view of the document, and how much each adds to the score.
//
// The shared features of a query q and a view v of a document are those whose
// activation is above τ in both codes; the pair's shared features are the union
// over the views (the paper's O(q,d), kept per view as well).
//
// A full explanation adds up. The score of a view is ⟨q,v⟩, and
//
//	⟨q,v⟩ = Σ_j s_j·⟨q,w_j⟩ + ⟨q,b_dec⟩ + ⟨q, v − ṽ⟩
//
// with s_j the activations of the view, w_j the decoder's columns and ṽ the
// reconstruction. So each active feature is a leaf with its contribution, the
// decoder bias and the residual (what the autoencoder does not see) are leaves
// too, and the leaves sum to the score within 1e-6. The score of the pair is
// the sum over its views, s(q,d) of the paper's equation 11.
//
// Pairs come from JSON lines and explanations leave as JSON lines, a batch at
// a time: memory does not grow with the number of pairs.
package explain
