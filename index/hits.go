package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/blevesearch/bleve/v2/search"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/plugin"
)

// hits fills in the hits of a page.
func (v *view) hits(ctx context.Context, a *asked, page []fused) ([]Hit, error) {
	hits := make([]Hit, len(page))
	for i, found := range page {
		hit := &hits[i]
		*hit = Hit{ID: found.id, Rank: a.Offset + i + 1, Score: found.score,
			Parts: Parts{BM25: found.text, BM25Rank: found.textRank, VectorRank: found.vectorRank}}
		if err := v.stored(hit); err != nil {
			return nil, err
		}
		document, err := v.document(found.ranked)
		if err != nil {
			return nil, err
		}
		if err := v.parts(a, hit, found, document); err != nil {
			return nil, err
		}
		if err := v.explain(ctx, a, hit, document); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

// document returns the codes and vectors of a ranked document.
func (v *view) document(r ranked) (*plugin.Document, error) {
	return v.snapshot.Document(&search.DocumentMatch{ID: r.id, IndexInternalID: bleveindex.NewIndexInternalID(nil, r.number)})
}

// stored fills in the document's title, text and fields.
func (v *view) stored(hit *Hit) error {
	document, err := v.reader.Document(hit.ID)
	if err != nil || document == nil {
		return err
	}
	document.VisitFields(func(f bleveindex.Field) {
		value := fieldValue(f)
		switch {
		case value == nil:
		case f.Name() == titleField:
			hit.Title, _ = value.(string)
		case f.Name() == textField:
			hit.Text, _ = value.(string)
		default:
			hit.addField(f.Name(), value, len(f.ArrayPositions()) > 0)
		}
	})
	return nil
}

// fieldValue returns a stored value as encoding/json would have read it, nil
// for what is not ours.
func fieldValue(f bleveindex.Field) any {
	switch f := f.(type) {
	case bleveindex.TextField:
		return f.Text()
	case bleveindex.NumericField:
		if number, err := f.Number(); err == nil {
			return number
		}
	case bleveindex.BooleanField:
		if truth, err := f.Boolean(); err == nil {
			return truth
		}
	}
	return nil
}

// addField adds a value; those of a list arrive one by one. The fields of an
// object have its name and a point before their own.
func (h *Hit) addField(name string, value any, inList bool) {
	if h.Fields == nil {
		h.Fields = map[string]any{}
	}
	if !inList {
		h.Fields[name] = value
		return
	}
	list, _ := h.Fields[name].([]any)
	h.Fields[name] = append(list, value)
}

// parts fills in the parts of the score.
func (v *view) parts(a *asked, hit *Hit, found fused, document *plugin.Document) error {
	var err error
	steering := 0.
	if len(a.steering.Features) > 0 && (a.Mode != Hybrid || found.vector != nil) {
		if steering, err = weightedSum(document, a.scopeView(), a.steering); err != nil {
			return err
		}
		hit.Parts.Steering = &steering
	}
	switch a.Mode {
	case Vector, Hybrid:
		if found.vector != nil {
			unsteered := *found.vector - steering
			hit.Parts.Vector = &unsteered
		}
	case Codes:
		unsteered := found.score - steering
		hit.Parts.Codes = &unsteered
	case Overlap:
		shared := int(found.score)
		hit.Parts.Overlap = &shared
	}
	return nil
}

// weightedSum returns Σ_j w_j·S_j(d) over a view, "" for all of them.
func weightedSum(document *plugin.Document, view string, terms featureindex.Terms) (float64, error) {
	shared, err := document.Shared(view, terms)
	sum := 0.
	for _, s := range shared {
		sum += s.Value()
	}
	return sum, err
}

// explain fills in the hit's explanation.
func (v *view) explain(ctx context.Context, a *asked, hit *Hit, document *plugin.Document) error {
	if a.vector == nil || a.Explain == ExplainNone {
		return nil
	}
	if a.Explain == ExplainFull {
		return v.explainFull(ctx, a, hit, document)
	}
	hit.Shared = map[model.View][]SharedFeature{}
	for _, name := range a.views() {
		code, err := document.Code(string(name))
		if err != nil {
			return err
		}
		shared := []SharedFeature{}
		for _, j := range explain.Overlap(a.code, gpu.Code(code), a.Threshold) {
			shared = append(shared, v.sharedFeature(a, j, code))
		}
		hit.Shared[name] = shared
	}
	return nil
}

// views are the views that count.
func (a *asked) views() []model.View {
	all := model.Views()
	if a.Scope == OriginalOnly {
		return all[:1]
	}
	return all[:]
}

// sharedFeature describes one feature of a document's view.
func (v *view) sharedFeature(a *asked, j uint32, code featureindex.Code) SharedFeature {
	at, _ := slices.BinarySearch(code.Features, j)
	inQuery, _ := slices.BinarySearch(a.code.Features, j)
	s := SharedFeature{Feature: j, Label: v.index.Model().Labels.Of(int(j)),
		Activation: code.Activations[at], QueryActivation: a.code.Activations[inQuery]}
	s.Contribution = float64(s.Activation) * gpu.Dot(a.vector, v.index.decoder(j))
	return s
}

// explainFull recomputes the document's views from its embedding and gives
// every leaf of each view's score.
func (v *view) explainFull(ctx context.Context, a *asked, hit *Hit, document *plugin.Document) error {
	z, err := document.Embedding()
	if err != nil {
		return err
	}
	if z == nil {
		return fmt.Errorf("document %q has no embedding to explain with: its features are missing; see steersight check", hit.ID)
	}
	made, err := v.index.engine.Views(ctx, [][]float32{z})
	if err != nil {
		return err
	}
	vectors := [model.NumViews][]float32{z}
	for t := range made {
		vectors[t+1] = made[t][0]
	}
	score, shared := 0., 0.
	for t, name := range a.views() {
		code, err := document.Code(string(name))
		if err != nil {
			return err
		}
		explained := a.explainer.View(name, a.vector, vectors[t], a.code, gpu.Code(code))
		hit.Views = append(hit.Views, explained)
		score += explained.Score
		shared += explained.SharedContribution
	}
	if score != 0 {
		share := shared / score
		hit.ShareExplained = &share
	}
	return nil
}
