package explain

import (
	"context"
	"errors"
	"fmt"

	"github.com/steersight/steersight/embed"
	"github.com/steersight/steersight/internal/npy"
)

// Texts is a Source that embeds the texts of the pairs.
type Texts struct {
	Encoder embed.Encoder
	// QueryPrefix and DocumentPrefix are put before each text, as E5 models
	// want it.
	QueryPrefix, DocumentPrefix string
	// Dim is the length of vector that the feature model takes.
	Dim int
}

// The prefixes of E5 models, which the reference program puts before every
// text.
const (
	E5QueryPrefix    = "query: "
	E5DocumentPrefix = "passage: "
)

// Embed implements Source.
func (s *Texts) Embed(ctx context.Context, pairs []Pair) (queries, documents [][]float32, err error) {
	texts := make([]string, 0, 2*len(pairs))
	for _, p := range pairs {
		texts = append(texts, s.QueryPrefix+p.Query)
	}
	for _, p := range pairs {
		texts = append(texts, s.DocumentPrefix+p.Document)
	}
	rows, err := s.Encoder.Encode(ctx, texts)
	if err != nil {
		return nil, nil, err
	}
	if got := len(rows[0]); got != s.Dim {
		return nil, nil, dimError("the encoder's vectors have", got, s.Dim)
	}
	return rows[:len(pairs)], rows[len(pairs):], nil
}

func dimError(what string, got, want int) error {
	return fmt.Errorf("%s %d numbers, the feature model takes %d: they belong to different encoders", what, got, want)
}

// Finish implements Source.
func (s *Texts) Finish(int) error { return nil }

// Stored is a Source of embeddings computed before: row i of both files
// belongs to the i-th pair.
type Stored struct {
	queries, documents storedFile
	next               int
}

type storedFile struct {
	name string
	*npy.File
}

// OpenStored opens the embeddings of the queries and of the documents, two
// .npy files with one row of dim numbers for each pair.
func OpenStored(queries, documents string, dim int) (*Stored, error) {
	q, err := openRows(queries, dim)
	if err != nil {
		return nil, err
	}
	d, err := openRows(documents, dim)
	if err != nil {
		q.Close()
		return nil, err
	}
	return &Stored{queries: q, documents: d}, nil
}

func openRows(name string, dim int) (storedFile, error) {
	file, err := npy.Open(name)
	if err != nil {
		return storedFile{}, err
	}
	if file.Dims() != 2 {
		file.Close()
		return storedFile{}, fmt.Errorf("%s: %d dimensions, not rows of vectors", name, file.Dims())
	}
	if file.Cols() != dim {
		file.Close()
		return storedFile{}, dimError(name+": the rows have", file.Cols(), dim)
	}
	return storedFile{name, file}, nil
}

// Embed implements Source.
func (s *Stored) Embed(_ context.Context, pairs []Pair) (queries, documents [][]float32, err error) {
	last := pairs[len(pairs)-1].Line
	if queries, err = s.queries.rows(s.next, len(pairs), last); err != nil {
		return nil, nil, err
	}
	if documents, err = s.documents.rows(s.next, len(pairs), last); err != nil {
		return nil, nil, err
	}
	s.next += len(pairs)
	return queries, documents, nil
}

func (f storedFile) rows(from, n, lastLine int) ([][]float32, error) {
	if from+n > f.Rows() {
		return nil, fmt.Errorf("%s: %d rows, but the input has %d pairs by its line %d: one row for each pair is needed", f.name, f.Rows(), from+n, lastLine)
	}
	all := make([]float32, n*f.Cols())
	if err := f.Read(from, from+n, all); err != nil {
		return nil, err
	}
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = all[i*f.Cols() : (i+1)*f.Cols()]
	}
	return rows, nil
}

// Finish implements Source: no row may be left over.
func (s *Stored) Finish(pairs int) error {
	for _, f := range []storedFile{s.queries, s.documents} {
		if f.Rows() != pairs {
			return fmt.Errorf("%s: %d rows, but the input has %d pairs: one row for each pair is needed", f.name, f.Rows(), pairs)
		}
	}
	return nil
}

// Close closes the files.
func (s *Stored) Close() error {
	return errors.Join(s.queries.Close(), s.documents.Close())
}
