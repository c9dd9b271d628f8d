package plugin

import (
	"fmt"

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

// products returns the shared features of a document and a query, in the order
// in which their values make up the exact score: view by view, ascending.
func products(s *featureindex.Section, views int, v featureindex.View, weights map[uint32]float32, doc int) []product {
	from, to := int(v), int(v)+1
	if v == featureindex.Union {
		from, to = 0, views
	}
	var shared []product
	for view := from; view < to; view++ {
		code := s.Code(featureindex.View(view), doc)
		for i, feature := range code.Features {
			if w := weights[feature]; w != 0 {
				shared = append(shared, product{featureindex.View(view), feature, w, code.Activations[i]})
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

// weightsOf returns terms as a map, those of weight 0 left out.
func weightsOf(t featureindex.Terms) map[uint32]float32 {
	weights := make(map[uint32]float32, len(t.Features))
	for i, f := range t.Features {
		if t.Weights[i] != 0 {
			weights[f] = t.Weights[i]
		}
	}
	return weights
}

// viewName returns the name of a view for messages.
func viewName(views []string, v featureindex.View) string {
	if v == featureindex.Union {
		return UnionField
	}
	return views[v]
}
