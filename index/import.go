package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/blevesearch/bleve/v2"
)

// An Import says how documents are taken in from a stream.
type Import struct {
	// Source names the stream. An import from the same source that was
	// interrupted goes on where it stopped; empty makes it start anew.
	Source string
	// State is what must not have changed of the source in between, such as
	// the size of a file.
	State string
	// Batch is the number of documents of a batch, by default 256. Each batch
	// is in the index whole or not at all.
	Batch int
	// Progress is called after each batch with the number of documents in the
	// index from this source, those of earlier runs included.
	Progress func(documents int)
}

// ErrSourceChanged is returned when an interrupted import cannot go on.
var ErrSourceChanged = errors.New("the source has changed since its import was interrupted")

// importKey begins the keys under which the progress of imports is kept.
const importKey = "steersight.import."

// importState is the progress of an import.
type importState struct {
	State     string `json:"state"`
	Documents int    `json:"documents"`
}

// Import puts the documents that next returns until io.EOF, and returns how
// many of the source are in the index. Documents of an earlier, interrupted
// import from the same source are read and passed over.
func (ix *Index) Import(ctx context.Context, next func() (Document, error), o Import) (int, error) {
	done, err := ix.change()
	if err != nil {
		return 0, err
	}
	defer done()
	if o.Batch <= 0 {
		o.Batch = 256
	}
	taken, err := ix.imported(o)
	if err != nil {
		return 0, err
	}
	for range taken {
		if _, err := next(); err != nil {
			return taken, fmt.Errorf("%w: it has fewer documents: %w", ErrSourceChanged, err)
		}
	}
	for {
		documents, err := take(next, o.Batch)
		if err != nil {
			return taken, err
		}
		if len(documents) == 0 {
			return taken, nil
		}
		taken += len(documents)
		err = ix.batch(ctx, documents, nil, func(b *bleve.Batch) error { return markImported(b, o, taken) })
		if err != nil {
			return taken - len(documents), err
		}
		if o.Progress != nil {
			o.Progress(taken)
		}
	}
}

// imported returns how many documents of a source are in the index.
func (ix *Index) imported(o Import) (int, error) {
	if o.Source == "" {
		return 0, nil
	}
	text, err := ix.bleve.GetInternal([]byte(importKey + o.Source))
	if err != nil || text == nil {
		return 0, err
	}
	var state importState
	if err := json.Unmarshal(text, &state); err != nil {
		return 0, fmt.Errorf("progress of the import of %s: %w", o.Source, err)
	}
	if state.State != o.State {
		return 0, fmt.Errorf("%w: %s was %s, is %s", ErrSourceChanged, o.Source, state.State, o.State)
	}
	return state.Documents, nil
}

// markImported writes the progress in the same batch as the documents.
func markImported(b *bleve.Batch, o Import, taken int) error {
	if o.Source == "" {
		return nil
	}
	text, err := json.Marshal(importState{o.State, taken})
	if err == nil {
		b.SetInternal([]byte(importKey+o.Source), text)
	}
	return err
}

// Forget makes the next import from a source start anew. The documents stay.
func (ix *Index) Forget(source string) error {
	done, err := ix.change()
	if err != nil {
		return err
	}
	defer done()
	return ix.bleve.DeleteInternal([]byte(importKey + source))
}

// take returns the next n documents, or as many as there are.
func take(next func() (Document, error), n int) ([]Document, error) {
	var documents []Document
	for len(documents) < n {
		d, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return documents, nil
}
