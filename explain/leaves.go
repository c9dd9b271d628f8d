package explain

import (
	"cmp"
	"slices"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
)

// A Leaf is what one active feature of a view adds to the view's score.
type Leaf struct {
	Feature uint32 `json:"feature"`
	Label   string `json:"label,omitempty"`
	// Activation is the feature's activation in the view, s_j.
	Activation float32 `json:"activation"`
	// QueryActivation is its activation in the query, 0 where it has none.
	QueryActivation float32 `json:"query_activation"`
	// Contribution is s_j·⟨q,w_j⟩.
	Contribution float64 `json:"contribution"`
	// Shared tells whether the feature supports both query and view.
	Shared bool `json:"shared"`
}

// A View explains the score of one view: Score is the sum of the features'
// contributions, Bias and Residual.
type View struct {
	Name  model.View `json:"view"`
	Score float64    `json:"score"` // ⟨q,v⟩
	// SharedContribution is the part of the score that the shared features add.
	SharedContribution float64 `json:"shared_contribution"`
	// Features are all active features of the view: the shared ones first,
	// then the others, each by falling contribution.
	Features []Leaf  `json:"features"`
	Bias     float64 `json:"bias"`     // ⟨q,b_dec⟩
	Residual float64 `json:"residual"` // ⟨q, v − ṽ⟩
}

// View explains how the query's embedding q scores the view v, given their
// codes. The vectors' length is the model's.
func (x *Explainer) View(name model.View, q, v []float32, qCode, vCode gpu.Code) View {
	view := View{
		Name:     name,
		Score:    gpu.Dot(q, v),
		Features: make([]Leaf, len(vCode.Features)),
		Bias:     gpu.Dot(q, x.engine.SAE().DecoderBias),
	}
	for i, j := range vCode.Features {
		leaf := x.leaf(q, j, vCode.Activations[i], qCode)
		if leaf.Shared {
			view.SharedContribution += leaf.Contribution
		}
		view.Features[i] = leaf
	}
	reconstruction := x.engine.Reconstruct(vCode)
	for i := range v {
		view.Residual += float64(q[i]) * (float64(v[i]) - reconstruction[i])
	}
	slices.SortFunc(view.Features, func(a, b Leaf) int {
		switch {
		case a.Shared && !b.Shared:
			return -1
		case b.Shared && !a.Shared:
			return 1
		}
		return cmp.Or(cmp.Compare(b.Contribution, a.Contribution), cmp.Compare(a.Feature, b.Feature))
	})
	return view
}

func (x *Explainer) leaf(q []float32, j uint32, activation float32, qCode gpu.Code) Leaf {
	leaf := Leaf{Feature: j, Label: x.options.Labels.Of(int(j)), Activation: activation}
	if at, found := slices.BinarySearch(qCode.Features, j); found {
		leaf.QueryActivation = qCode.Activations[at]
	}
	dim := x.engine.SAE().Dim
	leaf.Contribution = float64(activation) * gpu.Dot(q, x.engine.SAE().Decoder[int(j)*dim:][:dim])
	leaf.Shared = activation > x.options.Threshold && leaf.QueryActivation > x.options.Threshold
	return leaf
}
