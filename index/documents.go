package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Documents calls visit for the documents of the index whose ids come after
// after, by ascending id, all as they are now, with their embeddings. It stops
// at the first error.
func (ix *Index) Documents(ctx context.Context, after string, visit func(Document) error) (err error) {
	done, err := ix.use()
	if err != nil {
		return err
	}
	defer done()
	v, err := ix.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	ids, err := v.ids(ctx)
	if err != nil {
		return err
	}
	first, found := slices.BinarySearch(ids, after)
	if found {
		first++
	}
	for _, id := range ids[first:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := v.whole(id)
		if err != nil {
			return err
		}
		if err := visit(d); err != nil {
			return err
		}
	}
	return nil
}

// ids returns the ids of all documents, sorted.
func (v *view) ids(ctx context.Context) (ids []string, err error) {
	reader, err := v.reader.DocIDReaderAll()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for {
		number, err := reader.Next()
		if err != nil {
			return nil, err
		}
		if number == nil {
			slices.Sort(ids)
			return ids, ctx.Err()
		}
		id, err := v.reader.ExternalID(slices.Clone(number))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
}

// whole returns a document as it was put.
func (v *view) whole(id string) (Document, error) {
	hit := Hit{ID: id}
	if err := v.stored(&hit); err != nil {
		return Document{}, err
	}
	codes, err := v.snapshot.Named(id)
	if err != nil {
		return Document{}, err
	}
	d := Document{ID: id, Title: hit.Title, Text: hit.Text, Fields: hit.Fields}
	if codes != nil {
		d.Embedding, err = codes.Embedding()
	}
	return d, err
}

// Reindex puts the documents of another index into this one, which has another
// model, and returns how many. An interrupted run goes on where it stopped.
// Embeddings are kept if both indexes have the same encoder, and else made
// anew.
func (ix *Index) Reindex(ctx context.Context, from *Index, progress func(documents int)) (int, error) {
	sameEncoder := from.manifest.Encoder == ix.manifest.Encoder && from.features.Dim == ix.features.Dim
	documents := make(chan Document)
	var failed error // read after documents is closed
	reading, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(documents)
		failed = from.Documents(reading, "", func(d Document) error {
			if !sameEncoder {
				d.Embedding = nil
			}
			select {
			case documents <- d:
				return nil
			case <-reading.Done():
				return reading.Err()
			}
		})
	}()
	count, err := from.Count()
	if err != nil {
		return 0, err
	}
	return ix.Import(ctx, func() (Document, error) {
		if d, ok := <-documents; ok {
			return d, nil
		}
		return Document{}, cmp.Or(failed, io.EOF)
	}, Import{Source: "index " + from.manifest.Model, State: fmt.Sprintf("%d documents", count), Progress: progress})
}
