package plugin

import (
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/steersight/steersight/featureindex"
)

// features is what a segment knows of its documents' codes.
type features struct {
	file    string // "" in memory
	data    []byte // of the file
	base    int64  // where raw begins in the file
	raw     []byte // the section's bytes
	crc     uint32 // of raw
	lost    uint32 // documents whose codes were lost in merges
	opened  *featureindex.Section
	names   []string // of the views
	failed  error    // why there is no section though there should be
	trusted bool     // raw was made by this process, in memory

	verify  sync.Once
	damaged error // what verify found
}

// newFeatures lays features over a section in memory; raw may be empty.
func newFeatures(raw []byte, documents int) (*features, error) {
	f := &features{raw: raw, trusted: true}
	f.open(documents)
	return f, f.failed
}

// openFeatures finds the section in the bytes of a segment's file. It never
// fails: what is wrong is kept, and the segment then has no features.
func openFeatures(file string, data []byte, documents int) *features {
	f := &features{file: file, data: data}
	t, at, err := parseTrailer(data)
	if err != nil {
		f.failed = &CorruptionError{File: file, Part: "trailer", Offset: at, Err: err}
		return f
	}
	f.base, f.crc, f.lost = int64(t.offset), t.crc, t.lost
	f.raw = data[t.offset : t.offset+t.length : t.offset+t.length]
	f.open(documents)
	return f
}

// open opens the section.
func (f *features) open(documents int) {
	if len(f.raw) == 0 {
		return
	}
	section, err := featureindex.Open(f.raw)
	if err == nil && section.Len() != documents {
		err = fmt.Errorf("%d documents in a segment of %d", section.Len(), documents)
	}
	if err != nil {
		f.failed = f.corruption(err)
		return
	}
	f.opened, f.names = section, section.Options().Views
}

// corruption names the place of a damage in the section.
func (f *features) corruption(err error) error {
	e := &CorruptionError{File: f.file, Part: "section", Offset: f.base, Err: err}
	var inner *featureindex.CorruptionError
	if errors.As(err, &inner) {
		e.Part = inner.Section
		e.Offset += max(inner.Offset, 0)
		e.Err = inner.Err
	}
	return e
}

// section returns the segment's section, or nil: there is none, or it is
// damaged. The first call reads all of it once, to compare its checksum.
func (f *features) section() *featureindex.Section {
	if f == nil || f.opened == nil || f.health() != nil {
		return nil
	}
	return f.opened
}

// health returns what is wrong with the section, comparing its checksum if no
// call did before.
func (f *features) health() error {
	if f.failed != nil || f.opened == nil || f.trusted {
		return f.failed
	}
	f.verify.Do(func() {
		if crc32.Checksum(f.raw, castagnoli) == f.crc {
			return
		}
		err := f.opened.Validate()
		if err == nil {
			err = errors.New("checksum differs")
		}
		f.damaged = f.corruption(err)
	})
	return f.damaged
}
