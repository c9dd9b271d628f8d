package plugin

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/steersight/steersight/featureindex"

	"github.com/blevesearch/bleve/v2/search"
)

// explainHit explains the score of a document: the children are the parts that
// add up to it.
func explainHit(p *planned, doc uint32, score, factor float64) *search.Explanation {
	if p.plan == nil {
		return &search.Explanation{Value: score, Message: "filter"}
	}
	message, parts := p.plan.explain(p.section, int(doc))
	if factor != 1 {
		message = fmt.Sprintf("%s, boost %v", message, factor)
		boostAll(parts, factor)
	}
	return &search.Explanation{Value: score, Message: message, Children: parts}
}

// boostAll multiplies explanations, children included.
func boostAll(parts []*search.Explanation, factor float64) {
	for _, part := range parts {
		part.Value *= factor
		boostAll(part.Children, factor)
	}
}

// A product is the part of a feature of a view in a weighted sum.
type product struct {
	view       featureindex.View
	feature    uint32
	weight     float32
	activation float32
}

// value returns weight·activation, which is exact in float64.
func (p product) value() float64 { return float64(p.weight) * float64(p.activation) }

// few is room on the stack for the products of most documents, and fewCode for
// their codes.
type few [64]product

type fewCode struct {
	features    [64]uint32
	activations [64]float32
}

// code returns the code of a document, in the room where it fits.
func (f *fewCode) code(s *featureindex.Section, v featureindex.View, doc int) featureindex.Code {
	return s.AppendCode(featureindex.Code{Features: f.features[:0], Activations: f.activations[:0]}, v, doc)
}

// products appends to shared the shared features of a document and of terms that
// sortedTerms returned, in the order in which their values make up the exact
// score: view by view, ascending.
func products(shared []product, s *featureindex.Section, views int, v featureindex.View, terms featureindex.Terms, doc int) []product {
	from, to := int(v), int(v)+1
	if v == featureindex.Union {
		from, to = 0, views
	}
	var room fewCode
	for view := from; view < to; view++ {
		code := room.code(s, featureindex.View(view), doc)
		at := 0
		for i, feature := range terms.Features {
			for at < len(code.Features) && code.Features[at] < feature {
				at++
			}
			if at < len(code.Features) && code.Features[at] == feature {
				shared = append(shared, product{featureindex.View(view), feature, terms.Weights[i], code.Activations[at]})
			}
		}
	}
	return shared
}

// sum adds up products in their order.
func sum(products []product) (total float64) {
	for _, p := range products {
		total += p.value()
	}
	return total
}

// explainProducts returns a leaf for each product.
func explainProducts(products []product, views []string) []*search.Explanation {
	leaves := make([]*search.Explanation, len(products))
	for i, p := range products {
		leaves[i] = &search.Explanation{
			Value:   p.value(),
			Message: fmt.Sprintf("%s:%d, weight %v × activation %v", views[p.view], p.feature, p.weight, p.activation),
		}
	}
	return leaves
}

// sortedTerms returns the terms of weights other than 0, ascending.
func sortedTerms(t featureindex.Terms) featureindex.Terms {
	if slices.IsSorted(t.Features) && !slices.Contains(t.Weights, 0) {
		return t
	}
	var order []int
	for i, w := range t.Weights {
		if w != 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(t.Features[i], t.Features[j]) })
	var sorted featureindex.Terms
	for _, i := range order {
		sorted.Features, sorted.Weights = append(sorted.Features, t.Features[i]), append(sorted.Weights, t.Weights[i])
	}
	return sorted
}

// viewName returns the name of a view for messages.
func viewName(views []string, v featureindex.View) string {
	if v == featureindex.Union {
		return UnionField
	}
	return views[v]
}
