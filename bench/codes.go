package bench

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/steersight/steersight/featureindex"
	"github.com/steersight/steersight/internal/npy"
)

// Codes are the documents and queries of a code set. Documents are read from
// the files when they are asked for. Several goroutines may use it at once.
type Codes struct {
	features  int
	documents *rows
	queries   *rows
	half      bool // documents' activations are rounded to float16
}

// OpenCodes opens the code set in a folder. Offsets and features are checked
// here, the order of features and the activations when they are read.
func OpenCodes(dir string) (*Codes, error) {
	documents, err := openRows(dir, "")
	if err != nil {
		return nil, err
	}
	queries, err := openRows(dir, "q_")
	if err != nil {
		return nil, errors.Join(err, documents.close())
	}
	c := &Codes{documents: documents, queries: queries}
	for _, r := range []*rows{documents, queries} {
		highest, err := r.highest()
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.features = max(c.features, highest+1)
	}
	return c, nil
}

// Close closes the files.
func (c *Codes) Close() error { return errors.Join(c.documents.close(), c.queries.close()) }

// Features is one more than the highest feature of the set.
func (c *Codes) Features() int { return c.features }

// Documents is the number of documents.
func (c *Codes) Documents() int { return c.documents.len() }

// Postings is the number of features of all documents together.
func (c *Codes) Postings() int { return c.documents.feats.Rows() }

// Read returns the codes of the documents from up to but without to.
func (c *Codes) Read(from, to int) ([]featureindex.Code, error) {
	codes, err := c.documents.read(from, to)
	if c.half {
		for _, code := range codes {
			for i, a := range code.Activations {
				code.Activations[i] = featureindex.Half(a)
			}
		}
	}
	return codes, err
}

// rounded returns the set with its documents' activations rounded to float16. It
// shares the files.
func (c *Codes) rounded() *Codes { return &Codes{c.features, c.documents, c.queries, true} }

// Queries returns the first n queries, or as many as there are.
func (c *Codes) Queries(n int) ([]featureindex.Terms, error) {
	codes, err := c.queries.read(0, min(n, c.queries.len()))
	terms := make([]featureindex.Terms, len(codes))
	for i, code := range codes {
		terms[i] = featureindex.Terms{Features: code.Features, Weights: code.Activations}
	}
	return terms, err
}

// rows are the codes in three files.
type rows struct {
	offsets     []int64
	feats, acts *npy.File
	name        string // of feats
}

// openRows opens the files in a folder whose names begin with a prefix.
func openRows(dir, prefix string) (*rows, error) {
	path := func(name string) string { return filepath.Join(dir, prefix+name) }
	offsets, err := readOffsets(path("indptr.npy"))
	if err != nil {
		return nil, err
	}
	r := &rows{offsets: offsets, name: path("feats.npy")}
	if r.feats, err = npy.Open(r.name); err != nil {
		return nil, err
	}
	if r.acts, err = npy.Open(path("acts.npy")); err != nil {
		return nil, errors.Join(err, r.feats.Close())
	}
	if err := r.check(path("acts.npy"), path("indptr.npy")); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// check compares the lengths of the files.
func (r *rows) check(acts, indptr string) error {
	last := r.offsets[len(r.offsets)-1]
	switch {
	case r.feats.Dims() != 1 || r.acts.Dims() != 1:
		return fmt.Errorf("%s: features and activations must be arrays of one dimension", r.name)
	case r.feats.Rows() != r.acts.Rows():
		return fmt.Errorf("%s: %d activations for the %d features of %s", acts, r.acts.Rows(), r.feats.Rows(), filepath.Base(r.name))
	case last != int64(r.feats.Rows()):
		return fmt.Errorf("%s: ends at %d, but %s has %d features", indptr, last, filepath.Base(r.name), r.feats.Rows())
	}
	return nil
}

// readOffsets reads a file of offsets and checks that they begin at 0 and never
// fall.
func readOffsets(path string) (offsets []int64, err error) {
	file, err := npy.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if file.Dims() != 1 || file.Rows() < 2 || file.Rows() > featureindex.MaxDocuments {
		return nil, fmt.Errorf("%s: must be an array of one dimension with two offsets or more", path)
	}
	offsets = make([]int64, file.Rows())
	if err := file.ReadInts(0, file.Rows(), offsets); err != nil {
		return nil, err
	}
	if offsets[0] != 0 {
		return nil, fmt.Errorf("%s: begins at %d, not at 0", path, offsets[0])
	}
	for i := 1; i < len(offsets); i++ {
		if offsets[i] < offsets[i-1] {
			return nil, fmt.Errorf("%s: offset %d is %d, after %d", path, i, offsets[i], offsets[i-1])
		}
	}
	return offsets, nil
}

func (r *rows) close() error { return errors.Join(r.feats.Close(), r.acts.Close()) }

// len returns the number of rows.
func (r *rows) len() int { return len(r.offsets) - 1 }

// highest returns the highest feature, or −1 without any, and checks that all
// are features.
func (r *rows) highest() (int, error) {
	const step = 1 << 18
	highest := int64(-1)
	buffer := make([]int64, min(step, r.feats.Rows()))
	for from := 0; from < r.feats.Rows(); from += step {
		to := min(from+step, r.feats.Rows())
		part := buffer[:to-from]
		if err := r.feats.ReadInts(from, to, part); err != nil {
			return 0, err
		}
		for i, f := range part {
			if f < 0 || f >= featureindex.MaxFeatures {
				return 0, fmt.Errorf("%s: item %d is %d, not a feature: want 0 to %d", r.name, from+i, f, featureindex.MaxFeatures-1)
			}
			highest = max(highest, f)
		}
	}
	return int(highest), nil
}

// read returns the rows from up to but without to.
func (r *rows) read(from, to int) ([]featureindex.Code, error) {
	first, last := int(r.offsets[from]), int(r.offsets[to])
	wide := make([]int64, last-first)
	if err := r.feats.ReadInts(first, last, wide); err != nil {
		return nil, err
	}
	activations := make([]float32, last-first)
	if err := r.acts.Read(first, last, activations); err != nil {
		return nil, err
	}
	features := make([]uint32, last-first)
	for i, f := range wide {
		if f < 0 || f > math.MaxUint32 {
			return nil, fmt.Errorf("%s: the file changed while it was read", r.name)
		}
		features[i] = uint32(f)
	}
	codes := make([]featureindex.Code, to-from)
	for i := range codes {
		start, end := int(r.offsets[from+i])-first, int(r.offsets[from+i+1])-first
		codes[i] = featureindex.Code{Features: features[start:end:end], Activations: activations[start:end:end]}
		if err := checkRow(codes[i]); err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", r.name, from+i, err)
		}
	}
	return codes, nil
}

// checkRow returns what is wrong with a code.
func checkRow(c featureindex.Code) error {
	for i, f := range c.Features {
		if i > 0 && f <= c.Features[i-1] {
			return fmt.Errorf("feature %d after %d: features must ascend", f, c.Features[i-1])
		}
		if !(c.Activations[i] > 0) {
			return fmt.Errorf("feature %d has activation %v: activations must be positive", f, c.Activations[i])
		}
	}
	return nil
}
