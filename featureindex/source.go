package featureindex

// A source is a section in the making: the documents that the encoder writes.
type source interface {
	options() *Options
	documents() int
	// walk starts over at the first document.
	walk() walker
}

// A walker yields documents in order. What it returns is valid until next.
type walker interface {
	next() bool
	code(view int) Code
	// vector returns a vector of a column, or nil.
	vector(column int) []float32
	// err returns why next returned false before the last document.
	err() error
}

// A rowReader yields the rows of one list set: the features of a view or of
// the union with their values.
type rowReader struct {
	list, views int
	uniter      *uniter // of the union, where there are few enough features
	features    []uint32
	values      []float64
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
func (r *rowReader) read(w walker) ([]uint32, []float64) {
	r.values = r.values[:0]
	if r.list < r.views {
		c := w.code(r.list)
		for _, a := range c.Activations {
			r.values = append(r.values, float64(a))
		}
		return c.Features, r.values
	}
	for v := range r.views {
		r.codes[v] = w.code(v)
	}
	if r.uniter != nil {
		r.features, r.values = r.uniter.unite(r.codes[:r.views], r.features[:0], r.values)
	} else {
		r.features, r.values = unite(r.codes[:r.views], r.features[:0], r.values)
	}
	return r.features, r.values
}
