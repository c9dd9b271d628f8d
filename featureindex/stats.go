package featureindex

// Stats are the sizes of a section, in bytes and in numbers.
type Stats struct {
	Documents int
	Bytes     int64            // of the section
	Forward   int64            // bytes of codes by document
	Inverted  int64            // bytes of lists
	Dense     int64            // bytes of columns
	Views     map[string]Lists // by name of the view; "union" where it is not the only view
	Vectors   map[string]int   // of the columns "embedding" and "sum"
}

// Lists are the numbers of a list set.
type Lists struct {
	Features int // that occur
	Postings int
}

// Stats returns the sizes of the section.
func (s *Section) Stats() Stats {
	st := Stats{Documents: s.n, Bytes: int64(len(s.data)), Views: map[string]Lists{}, Vectors: map[string]int{}}
	for _, p := range s.parts {
		switch {
		case p.kind >= kindPresence:
			st.Dense += int64(p.length)
		case p.kind >= kindPostings:
			st.Inverted += int64(p.length)
		case p.kind > kindHeader:
			st.Forward += int64(p.length)
		}
	}
	for i := range s.sets {
		l := Lists{Features: len(s.sets[i].entries)}
		for j := range s.sets[i].entries {
			l.Postings += int(s.sets[i].entries[j].Documents)
		}
		name := "union"
		if i < len(s.o.Views) {
			name = s.o.Views[i]
		}
		st.Views[name] = l
	}
	for c := range s.columns {
		st.Vectors[columnNames[c]] = s.columns[c].count
	}
	return st
}
