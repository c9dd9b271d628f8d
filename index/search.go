package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/plugin"
)

// A view is the state of an index at one moment: all parts of an answer are of
// the same one.
type view struct {
	index    *Index
	reader   bleveindex.IndexReader
	snapshot *plugin.Snapshot
}

// open returns a view of the index as it is now.
func (ix *Index) open() (*view, error) {
	advanced, err := ix.bleve.Advanced()
	if err != nil {
		return nil, err
	}
	reader, err := advanced.Reader()
	if err != nil {
		return nil, err
	}
	snapshot, err := plugin.Over(reader)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return &view{ix, reader, snapshot}, nil
}

func (v *view) close() error { return errors.Join(v.snapshot.Close(), v.reader.Close()) }

// An asked request has its defaults filled in and its query encoded.
type asked struct {
	Request
	vector []float32 // the query's embedding; nil where none is needed or to be had
	code   gpu.Code
	// support is the part of the code above τ, by which codes and overlap rank.
	support   gpu.Code
	explainer *explain.Explainer
	filter    query.Query // nil for none
	// steering holds (α_j − 1)·⟨q,w_j⟩ of the features to steer.
	steering featureindex.Terms
}

// Search answers a request. All of the answer is of one state of the index.
func (ix *Index) Search(ctx context.Context, r Request) (answer *Answer, err error) {
	began := time.Now()
	done, err := ix.use()
	if err != nil {
		return nil, err
	}
	defer done()
	ctx = plugin.WithThreads(ctx, ix.threads)
	a, err := ix.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	v, err := ix.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	answer = &Answer{Request: a.Request, Model: ix.manifest.Model}
	answer.Request.Vector = nil // an answer repeats what was settled, not megabytes of input
	found, err := v.find(ctx, a)
	if err != nil {
		return nil, err
	}
	answer.Matched, answer.Exact = found.matched, found.exact
	if answer.Hits, err = v.hits(ctx, a, found.page(a.Offset, *a.Size)); err != nil {
		return nil, err
	}
	if answer.Facets, err = v.facets(ctx, a, found); err != nil {
		return nil, err
	}
	answer.Took = time.Since(began)
	return answer, nil
}

// ask settles a request and encodes its query.
func (ix *Index) ask(ctx context.Context, r Request) (*asked, error) {
	settled, err := r.settle(ix.features.Features, ix.features.Dim)
	if err != nil {
		return nil, err
	}
	a := &asked{Request: settled, vector: settled.Vector}
	wanted := a.Mode != BM25 || a.Explain != ExplainNone && ix.encoder != nil
	if a.vector == nil && wanted {
		rows, err := ix.embed(ctx, ix.manifest.QueryPrefix, []string{a.Text})
		if err != nil {
			return nil, err
		}
		a.vector = rows[0]
	}
	if a.vector != nil {
		codes, err := ix.engine.Encode(ctx, [][]float32{a.vector})
		if err != nil {
			var row *gpu.RowError
			if errors.As(err, &row) {
				return nil, fmt.Errorf("%w: vector: %w", ErrRequest, row.Err)
			}
			return nil, err
		}
		a.code = codes[0]
		a.support = a.code.Above(a.Threshold)
	}
	a.explainer, err = explain.New(ix.engine, explain.Options{Threshold: a.Threshold, Labels: ix.Model().Labels})
	if err != nil {
		return nil, err
	}
	ix.steer(a)
	a.filter = a.query()
	return a, nil
}

// steer fills in the corrections that the toggles ask for. Toggles that change
// nothing leave none, so that the ranking is exactly the unsteered one.
func (ix *Index) steer(a *asked) {
	for _, t := range a.Toggles {
		alpha := t.factor()
		if alpha == 1 {
			continue
		}
		var correction float64
		if a.Mode == Codes {
			if i, ok := slices.BinarySearch(a.support.Features, t.Feature); ok {
				correction = (alpha - 1) * float64(a.support.Activations[i])
			}
		} else {
			correction = (alpha - 1) * gpu.Dot(a.vector, ix.decoder(t.Feature))
		}
		a.steering.Features = append(a.steering.Features, t.Feature)
		a.steering.Weights = append(a.steering.Weights, float32(correction))
	}
}

// decoder returns the decoder's column w_j.
func (ix *Index) decoder(feature uint32) []float32 {
	dim := ix.Model().SAE.Dim
	return ix.Model().SAE.Decoder[int(feature)*dim:][:dim]
}

// query returns the request's filters as a query, nil for none.
func (a *asked) query() query.Query {
	var all []query.Query
	if a.Filter.Query != "" {
		all = append(all, bleve.NewQueryStringQuery(a.Filter.Query))
	}
	view := string(a.Filter.View)
	if len(a.Filter.All) > 0 {
		all = append(all, &plugin.All{View: view, Features: a.Filter.All})
	}
	if len(a.Filter.Any) > 0 {
		all = append(all, &plugin.Any{View: view, Features: a.Filter.Any})
	}
	if len(a.Filter.Not) > 0 {
		all = append(all, &plugin.Not{View: view, Features: a.Filter.Not})
	}
	var require, exclude []uint32
	for _, t := range a.Toggles {
		switch t.Action {
		case Require:
			require = append(require, t.Feature)
		case Exclude:
			exclude = append(exclude, t.Feature)
		}
	}
	if require != nil {
		all = append(all, &plugin.All{View: a.scopeView(), Features: require})
	}
	if exclude != nil {
		all = append(all, &plugin.Not{View: a.scopeView(), Features: exclude})
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return bleve.NewConjunctionQuery(all...)
}

// scopeView is the view whose codes count: "" for the union of all.
func (a *asked) scopeView() string {
	if a.Scope == OriginalOnly {
		return string(model.Original)
	}
	return ""
}

// A finding is what a search found, before the hits are filled in.
type finding struct {
	best    []fused // as many as were asked for
	matched int
	exact   bool
	// counted is a query for all that matched, for facets.
	counted query.Query
}

// page returns the hits of a page.
func (f *finding) page(offset, size int) []fused {
	offset = min(offset, len(f.best))
	return f.best[offset:min(offset+size, len(f.best))]
}

// find ranks as many documents as pages and facets need.
func (v *view) find(ctx context.Context, a *asked) (*finding, error) {
	n := a.Offset + *a.Size
	for _, f := range a.Facets {
		n = max(n, f.Top)
	}
	switch a.Mode {
	case BM25:
		return v.findText(ctx, a, n)
	case Hybrid:
		return v.findHybrid(ctx, a, n)
	case Vector:
		best, err := v.rankTop(ctx, a.vectorQuery, n)
		if err != nil {
			return nil, err
		}
		return v.counted(ctx, a, best, func(f *fused) { f.vector = &f.score })
	}
	return v.findCodes(ctx, a, n)
}

// vectorQuery asks for the best k documents by s(q,d), steered.
func (a *asked) vectorQuery(k int) query.Query {
	knn := &plugin.KNN{Column: plugin.SumColumn, Vector: a.vector}
	if a.Scope == OriginalOnly {
		knn.Column = plugin.EmbeddingColumn
	}
	if len(a.steering.Features) == 0 {
		knn.K, knn.Filter = k, a.filter
		return knn
	}
	return &plugin.Steer{Base: knn, View: a.scopeView(), Terms: a.steering, K: k, Filter: a.filter}
}

// codesQuery asks for the best k documents by codes or overlap.
func (a *asked) codesQuery(k int) query.Query {
	if a.Mode == Overlap {
		return &plugin.Overlap{View: a.scopeView(), Features: a.support.Features, K: k, Filter: a.filter}
	}
	dot := &plugin.Dot{View: a.scopeView(), Terms: featureindex.Terms{Features: a.support.Features, Weights: a.support.Activations}}
	if len(a.steering.Features) == 0 {
		dot.K, dot.Filter = k, a.filter
		return dot
	}
	return &plugin.Steer{Base: dot, View: a.scopeView(), Terms: a.steering, K: k, Filter: a.filter}
}

func (v *view) findCodes(ctx context.Context, a *asked, n int) (*finding, error) {
	best, err := v.rankTop(ctx, a.codesQuery, n)
	if err != nil {
		return nil, err
	}
	f := &finding{best: plain(best, nil), matched: len(best), exact: len(best) < n, counted: a.codesQuery(0)}
	return f, nil
}

// textQuery matches the words of the query in title and text.
func (a *asked) textQuery() query.Query {
	title, text := bleve.NewMatchQuery(a.Text), bleve.NewMatchQuery(a.Text)
	title.SetField(titleField)
	text.SetField(textField)
	words := bleve.NewDisjunctionQuery(title, text)
	if a.filter == nil {
		return words
	}
	filtered := query.NewBooleanQuery([]query.Query{words}, nil, nil)
	filtered.AddFilter(a.filter)
	return filtered
}

func (v *view) findText(ctx context.Context, a *asked, n int) (*finding, error) {
	words := a.textQuery()
	best, matched, err := v.rank(ctx, words, n)
	if err != nil {
		return nil, err
	}
	return &finding{best: plain(best, func(f *fused) { f.text = &f.score }), matched: matched, exact: true, counted: words}, nil
}

// findHybrid fuses the best of both rankings.
func (v *view) findHybrid(ctx context.Context, a *asked, n int) (*finding, error) {
	window := max(a.Fusion.Window, n)
	text, _, err := v.rank(ctx, a.textQuery(), window)
	if err != nil {
		return nil, err
	}
	vector, err := v.rankTop(ctx, a.vectorQuery, window)
	if err != nil {
		return nil, err
	}
	f, err := v.counted(ctx, a, nil, nil)
	if err != nil {
		return nil, err
	}
	f.best = fuse(text, vector, a.Fusion)
	return f, nil
}

// counted makes a finding of a ranking that takes in all documents that pass
// the filter.
func (v *view) counted(ctx context.Context, a *asked, best []ranked, set func(*fused)) (*finding, error) {
	f := &finding{best: plain(best, set), exact: true, counted: a.filter}
	if a.filter == nil {
		n, err := v.reader.DocCount()
		f.matched, f.counted = int(n), bleve.NewMatchAllQuery()
		return f, err
	}
	err := v.each(ctx, a.filter, search.SearcherOptions{Score: "none"}, func(uint64, float64) { f.matched++ })
	return f, err
}

// plain turns a single ranking into the form of a fused one.
func plain(best []ranked, set func(*fused)) []fused {
	all := make([]fused, len(best))
	for i, r := range best {
		all[i].ranked = r
		if set != nil {
			set(&all[i])
		}
	}
	return all
}
