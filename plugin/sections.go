package plugin

import "github.com/steersight/steersight/featureindex"

// Sections calls f with the section of each segment that has one, in the order
// of the documents, and with the number of its first document in the index. It
// stops at the first error, which it returns. A section must not be used after
// f returns, and f must not close the Snapshot.
func (s *Snapshot) Sections(f func(base uint64, section *featureindex.Section) error) error {
	if err := s.read(); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	for _, state := range s.states {
		for i := range state.parts {
			section := state.parts[i].codes.section()
			if section == nil {
				continue
			}
			if err := f(state.parts[i].base, section); err != nil {
				return err
			}
		}
	}
	return nil
}
