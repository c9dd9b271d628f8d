package explain

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/steersight/steersight/gpu"
)

// A Source gives the embeddings of pairs, batch after batch in the order of
// the input.
type Source interface {
	Embed(ctx context.Context, pairs []Pair) (queries, documents [][]float32, err error)

	// Finish is told the number of pairs after the last one.
	Finish(pairs int) error
}

// Run explains all pairs, batch pairs at a time, and writes one line each to
// out. It returns the number of pairs; none at all is an error. After each
// batch it calls progress, if there is one, with the number so far.
func (x *Explainer) Run(ctx context.Context, pairs *PairReader, source Source, batch int, format Format, out io.Writer, progress func(int)) (int, error) {
	done := 0
	for {
		next, err := readBatch(pairs, batch)
		if err != nil {
			return done, err
		}
		if len(next) == 0 {
			break
		}
		text, err := x.explainBatch(ctx, pairs.name, next, source, format)
		if err != nil {
			return done, err
		}
		if _, err := out.Write(text); err != nil {
			return done, err
		}
		done += len(next)
		if progress != nil {
			progress(done)
		}
	}
	if done == 0 {
		return 0, fmt.Errorf("%s: no query-document pairs in it", pairs.name)
	}
	return done, source.Finish(done)
}

func readBatch(pairs *PairReader, batch int) ([]Pair, error) {
	var next []Pair
	for len(next) < batch {
		pair, err := pairs.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		next = append(next, pair)
	}
	return next, nil
}

// explainBatch returns the lines of one batch.
func (x *Explainer) explainBatch(ctx context.Context, name string, pairs []Pair, source Source, format Format) ([]byte, error) {
	queries, documents, err := source.Embed(ctx, pairs)
	if err != nil {
		return nil, err
	}
	v, c, err := x.encode(ctx, queries, documents)
	if err != nil {
		return nil, locate(err, name, pairs)
	}
	var text []byte
	for i, pair := range pairs {
		switch format {
		case Full:
			text, err = x.appendFull(text, pair, v[i], c[i])
		case Text:
			text = appendText(text, pair, x.document(v[i], c[i]))
		default:
			text, err = x.appendReference(text, pair, c[i])
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, pair.Line, err)
		}
	}
	return text, nil
}

// locate turns the row of an arithmetic error into the line of its pair.
func locate(err error, name string, pairs []Pair) error {
	var row *gpu.RowError
	if errors.As(err, &row) {
		return fmt.Errorf("%s:%d: %w", name, pairs[row.Row%len(pairs)].Line, row.Err)
	}
	return err
}
