package featureindex

// A source is a section in the making: the documents that the encoder writes.
type source interface {
	options() *Options
	documents() int
	// walk starts over at the first document.
	walk() walker
	// known returns the entries of a list set, without offsets, and its norm,
	// where they are known without counting.
	known(list int) (entries []entry, norm float64, ok bool)
}

// A walker yields documents in order. What it returns is valid until next.
type walker interface {
	next() bool
	code(view int) Code
	// raw returns the code as the section has it: its features and activations.
	raw(view int) (features, activations []byte)
	// vector returns a vector of a column, or nil.
	vector(column int) []float32
	// err returns why next returned false before the last document.
	err() error
}

// A row is the features of a document in a list set, ascending.
type row struct {
	features    []uint32
	activations []float32 // of a view; or
	sums        []float64 // of the union
}

// value returns the value of the i-th feature.
func (r *row) value(i int) float64 {
	if r.sums != nil {
		return r.sums[i]
	}
	return float64(r.activations[i])
}

// A rowReader yields the rows of one list set.
type rowReader struct {
	list, views int
	uniter      *uniter // of the union, where there are few enough features
	features    []uint32
	sums        []float64
	codes       [MaxViews]Code
}

// newRowReader returns a reader of the rows of a list set.
func newRowReader(o *Options, list int) rowReader {
	r := rowReader{list: list, views: len(o.Views)}
	if list == len(o.Views) && o.Features <= mostUnited {
		r.uniter = newUniter(o.Features)
	}
	return r
}

// read returns the row of the walker's document, valid until the next call.
func (r *rowReader) read(w walker) row {
	if r.list < r.views {
		c := w.code(r.list)
		return row{features: c.Features, activations: c.Activations}
	}
	for v := range r.views {
		r.codes[v] = w.code(v)
	}
	if r.uniter != nil {
		r.features, r.sums = r.uniter.unite(r.codes[:r.views], r.features[:0], r.sums[:0])
	} else {
		r.features, r.sums = unite(r.codes[:r.views], r.features[:0], r.sums[:0])
	}
	return row{features: r.features, sums: r.sums}
}
