package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/numeric"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	bleveindex "github.com/blevesearch/bleve_index_api"
)

// facets answers the request's facets. All counts are exact.
func (v *view) facets(ctx context.Context, a *asked, found *finding) ([]Facet, error) {
	var all []Facet
	for _, f := range a.Facets {
		over, counted := "matched", found.counted
		if f.Top > 0 {
			over, counted = fmt.Sprintf("top %d", f.Top), topQuery(found.page(0, f.Top))
		}
		var facet *Facet
		var err error
		if f.Field != "" {
			facet, err = v.fieldFacet(ctx, f, counted)
		} else {
			facet, err = v.featureFacet(ctx, a, f, counted)
		}
		if err != nil {
			return nil, fmt.Errorf("facet %s: %w", f.Name, err)
		}
		facet.Name, facet.CountedOver, facet.Exact = f.Name, over, true
		all = append(all, *facet)
	}
	return all, nil
}

// topQuery matches the documents of a ranking.
func topQuery(best []fused) query.Query {
	ids := make([]string, len(best))
	for i, r := range best {
		ids[i] = r.id
	}
	return bleve.NewDocIDQuery(ids)
}

// featureFacet counts features. Those that the request toggles are listed
// whatever their count.
func (v *view) featureFacet(ctx context.Context, a *asked, f FacetRequest, counted query.Query) (*Facet, error) {
	counts, err := v.snapshot.FacetsOf(ctx, string(f.View), counted, v.index.bleve.Mapping())
	if err != nil {
		return nil, err
	}
	facet := &Facet{Documents: int(counts.Documents), TotalValues: len(counts.Counts)}
	toggled := map[uint32]bool{}
	for _, t := range a.Toggles {
		toggled[t.Feature] = true
	}
	for i, c := range counts.Counts {
		if i >= f.Size && !toggled[c.Feature] {
			facet.Other += int(c.Documents)
			continue
		}
		facet.Values = append(facet.Values, v.featureValue(c.Feature, int(c.Documents), toggled[c.Feature]))
		delete(toggled, c.Feature)
	}
	for _, t := range a.Toggles {
		if toggled[t.Feature] {
			facet.Values = append(facet.Values, v.featureValue(t.Feature, 0, true))
		}
	}
	return facet, nil
}

func (v *view) featureValue(feature uint32, count int, selected bool) FacetValue {
	return FacetValue{Feature: &feature, Label: v.index.Model().Labels.Of(int(feature)), Count: count, Selected: selected}
}

// fieldFacet counts the values of a field. A document counts once for each of
// its values.
func (v *view) fieldFacet(ctx context.Context, f FacetRequest, counted query.Query) (*Facet, error) {
	values, err := v.reader.DocValueReader([]string{f.Field})
	if err != nil {
		return nil, err
	}
	facet := &Facet{}
	counts := map[string]int{}
	var visitErr error
	err = v.each(ctx, counted, search.SearcherOptions{Score: "none"}, func(number uint64, _ float64) {
		facet.Documents++
		seen := map[string]bool{}
		err := values.VisitDocValues(bleveindex.NewIndexInternalID(nil, number), func(_ string, term []byte) {
			if value, ok := fieldText(term); ok && !seen[value] {
				seen[value] = true
				counts[value]++
			}
		})
		visitErr = cmp.Or(visitErr, err)
	})
	if err = cmp.Or(err, visitErr); err != nil {
		return nil, err
	}
	for value, n := range counts {
		facet.Values = append(facet.Values, FacetValue{Value: value, Count: n})
	}
	slices.SortFunc(facet.Values, func(a, b FacetValue) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	facet.TotalValues = len(facet.Values)
	if len(facet.Values) > f.Size {
		for _, value := range facet.Values[f.Size:] {
			facet.Other += value.Count
		}
		facet.Values = facet.Values[:f.Size]
	}
	return facet, nil
}

// fieldText returns a doc value as text: strings as they are, numbers in
// decimal. Of the several terms that Bleve makes of a number, only that of full
// precision counts.
func fieldText(term []byte) (string, bool) {
	coded, shift := numeric.ValidPrefixCodedTermBytes(term)
	if !coded {
		return string(term), true
	}
	if shift != 0 {
		return "", false
	}
	i, err := numeric.PrefixCoded(term).Int64()
	if err != nil {
		return "", false
	}
	return strconv.FormatFloat(numeric.Int64ToFloat64(i), 'g', -1, 64), true
}
