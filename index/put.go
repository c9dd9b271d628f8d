package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/plugin"
)

// A Document is what Put takes.
type Document struct {
	ID          string
	Title, Text string
	// Fields are metadata: strings, numbers, booleans, lists and objects of
	// them, as encoding/json reads them. Strings are kept whole, for filters
	// and facets. The names title, text, features and those of the views are
	// taken.
	Fields map[string]any
	// Embedding is the document's embedding; nil leaves it to the encoder,
	// which embeds title and text.
	Embedding []float32
}

// content is the text that is embedded.
func (d *Document) content() string { return corpus.Join(d.Title, d.Text) }

// Put adds documents, or replaces those with the same ids, all at once or not
// at all.
func (ix *Index) Put(ctx context.Context, documents ...Document) error {
	return ix.Batch(ctx, documents, nil)
}

// Delete removes documents, all at once; ids that are not there are ignored.
func (ix *Index) Delete(ctx context.Context, ids ...string) error {
	return ix.Batch(ctx, nil, ids)
}

// Batch adds and replaces documents and removes others, all at once or not at
// all. Of documents with the same id the last one counts; an id may not be
// added and removed together.
func (ix *Index) Batch(ctx context.Context, documents []Document, remove []string) error {
	done, err := ix.change()
	if err != nil {
		return err
	}
	defer done()
	return ix.batch(ctx, documents, remove, nil)
}

// batch is Batch in an index that is in use; more may add to the batch.
func (ix *Index) batch(ctx context.Context, documents []Document, remove []string, more func(*bleve.Batch) error) error {
	if err := checkDocuments(documents, remove); err != nil {
		return err
	}
	embeddings, err := ix.embeddings(ctx, documents)
	if err != nil {
		return err
	}
	codes, err := ix.encode(ctx, documents, embeddings)
	if err != nil {
		return err
	}
	batch := ix.bleve.NewBatch()
	for i := range documents {
		d, err := ix.bleveDocument(&documents[i], codes[i])
		if err != nil {
			return err
		}
		if err := batch.IndexAdvanced(d); err != nil {
			return fmt.Errorf("document %q: %w", documents[i].ID, err)
		}
	}
	for _, id := range remove {
		batch.Delete(id)
	}
	if more != nil {
		if err := more(batch); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return ix.bleve.Batch(batch)
}

// taken are the names of fields that are not free.
var taken = func() map[string]bool {
	names := map[string]bool{titleField: true, textField: true, plugin.UnionField: true, "_id": true, "_all": true}
	for _, view := range model.Views() {
		names[string(view)] = true
	}
	return names
}()

func checkDocuments(documents []Document, remove []string) error {
	removed := make(map[string]bool, len(remove))
	for _, id := range remove {
		removed[id] = true
	}
	for _, d := range documents {
		switch {
		case d.ID == "":
			return errors.New("a document without an id")
		case removed[d.ID]:
			return fmt.Errorf("document %q is to be added and removed at once", d.ID)
		}
		for name := range d.Fields {
			if taken[name] {
				return fmt.Errorf("document %q: the field name %q is taken; rename the field", d.ID, name)
			}
		}
	}
	return nil
}

// embeddings returns the documents' embeddings, those given and those made.
func (ix *Index) embeddings(ctx context.Context, documents []Document) ([][]float32, error) {
	rows := make([][]float32, len(documents))
	var missing []int
	var texts []string
	for i := range documents {
		if rows[i] = documents[i].Embedding; rows[i] == nil {
			missing = append(missing, i)
			texts = append(texts, documents[i].content())
		}
	}
	if len(texts) == 0 {
		return rows, nil
	}
	made, err := ix.embed(ctx, ix.manifest.DocumentPrefix, texts)
	if err != nil {
		return nil, err
	}
	for at, i := range missing {
		rows[i] = made[at]
	}
	return rows, nil
}

// encode makes views and codes. The sum of the views is rounded to float32
// once.
func (ix *Index) encode(ctx context.Context, documents []Document, embeddings [][]float32) ([]featureindex.Document, error) {
	views, err := ix.engine.Views(ctx, embeddings)
	if err != nil {
		return nil, locate(err, documents)
	}
	all := [model.NumViews][][]float32{embeddings}
	copy(all[1:], views)
	encoded := make([]featureindex.Document, len(documents))
	for _, rows := range all {
		codes, err := ix.engine.Encode(ctx, rows)
		if err != nil {
			return nil, locate(err, documents)
		}
		for i, code := range codes {
			encoded[i].Views = append(encoded[i].Views, featureindex.Code(code))
		}
	}
	for i := range encoded {
		encoded[i].Embedding = embeddings[i]
		encoded[i].Sum = make([]float32, len(embeddings[i]))
		for d := range encoded[i].Sum {
			sum := 0.
			for _, rows := range all {
				sum += float64(rows[i][d])
			}
			encoded[i].Sum[d] = float32(sum)
		}
	}
	return encoded, nil
}

// locate turns the row of an arithmetic error into the document's id.
func locate(err error, documents []Document) error {
	var row *gpu.RowError
	if errors.As(err, &row) {
		return fmt.Errorf("document %q: %w", documents[row.Row].ID, row.Err)
	}
	return err
}

// bleveDocument returns a document as Bleve takes it.
func (ix *Index) bleveDocument(d *Document, codes featureindex.Document) (*document.Document, error) {
	data := make(map[string]any, len(d.Fields)+2)
	for name, value := range d.Fields {
		data[name] = value
	}
	data[textField] = d.Text
	if d.Title != "" {
		data[titleField] = d.Title
	}
	mapped := document.NewDocument(d.ID)
	if err := ix.bleve.Mapping().MapDocument(mapped, data); err != nil {
		return nil, fmt.Errorf("document %q: %w", d.ID, err)
	}
	mapped.AddField(plugin.NewField(ix.features, codes))
	return mapped, nil
}
