package study

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/steersight/steersight/internal/atomicfile"
)

// DocumentViews are the texts that a language model wrote about a document, or
// the error that it gave instead.
type DocumentViews struct {
	ID      string `json:"_id"`
	QA      string `json:"qa,omitempty"`      // questions that the document answers, with answers
	Summary string `json:"summary,omitempty"` // what it says
	Purpose string `json:"purpose,omitempty"` // what it is good for
	Error   string `json:"error,omitempty"`
}

// A ViewsFile is a file of views: JSON lines of DocumentViews, no two of one
// document. While views are written it only grows, by whole lines.
type ViewsFile struct {
	path   string
	out    *os.File        // between begin and end
	size   int64           // of the lines below
	places map[string]span // lines that are to stay, by id
	order  []string        // their ids
	unfit  bool            // whether the file has something else too
}

// A span is a place in a file.
type span struct {
	at     int64
	length int
}

// OpenViews reads a file of views, or begins a new one where there is none. It
// changes nothing yet. Lines of errors and a last line that was cut off count as
// not there. Errors name file and line.
func OpenViews(path string) (f *ViewsFile, err error) {
	f = &ViewsFile{path: path, places: map[string]span{}}
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if info, err := in.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a file, which a run could go on from", path)
	}
	lines := bufio.NewReaderSize(in, 1<<16)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if failed := f.take(line, err == io.EOF); failed != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, failed)
		}
		if err == io.EOF {
			return f, nil
		}
	}
}

// take takes in the next line; the last has no end, or is cut off.
func (f *ViewsFile) take(line []byte, last bool) error {
	end := f.size + int64(len(line))
	line = bytes.TrimLeft(line, " \t\r\n")
	at := end - int64(len(line))
	f.size, line = end, bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil
	}
	var v DocumentViews
	err := json.Unmarshal(line, &v)
	switch {
	case err != nil && last:
		f.unfit = true
		return nil
	case err != nil:
		return fmt.Errorf("not a line of views: %w", err)
	case v.ID == "" || v.Error == "" && (v.QA == "" || v.Summary == "" || v.Purpose == ""):
		return errors.New(`not a line of views, which has "_id" with "qa", "summary" and "purpose", or with "error"`)
	case f.Has(v.ID):
		return fmt.Errorf("document %q is there twice", v.ID)
	}
	if last {
		f.unfit = true
	}
	if v.Error != "" {
		f.unfit = true
		return nil
	}
	f.add(v.ID, span{at, len(line)})
	return nil
}

// add notes the place of a line.
func (f *ViewsFile) add(id string, place span) {
	f.places[id] = place
	f.order = append(f.order, id)
}

// Has tells whether the file has the views of a document.
func (f *ViewsFile) Has(id string) bool {
	_, ok := f.places[id]
	return ok
}

// begin rids the file of what is not to stay, and opens it to be written at its
// end.
func (f *ViewsFile) begin() (err error) {
	if f.unfit {
		if err := f.rewrite(f.order); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return err
	}
	f.out, err = os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	return err
}

// append writes a line.
func (f *ViewsFile) append(v DocumentViews) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	n, err := f.out.Write(line.Bytes())
	if err != nil {
		return err
	}
	f.add(v.ID, span{f.size, n - 1})
	f.size += int64(n)
	return nil
}

// end ends what begin began.
func (f *ViewsFile) end() error {
	return errors.Join(f.out.Sync(), f.out.Close())
}

// sort puts the lines in the order of the ids, and behind them those of other
// documents, as they are.
func (f *ViewsFile) sort(ids []string) error {
	var order []string
	first := make(map[string]bool, len(ids))
	for _, id := range ids {
		if first[id] = true; f.Has(id) {
			order = append(order, id)
		}
	}
	for _, id := range f.order {
		if !first[id] {
			order = append(order, id)
		}
	}
	if slices.Equal(order, f.order) {
		return nil
	}
	return f.rewrite(order)
}

// rewrite replaces the file by one of the lines with these ids.
func (f *ViewsFile) rewrite(order []string) (err error) {
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	out, err := atomicfile.Create(f.path)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	places, size, err := copyLines(out, in, f.places, order)
	if err = errors.Join(err, in.Close()); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	f.places, f.order, f.size, f.unfit = places, order, size, false
	return nil
}

// copyLines copies lines and returns their new places.
func copyLines(out io.Writer, in io.ReaderAt, places map[string]span, order []string) (map[string]span, int64, error) {
	copied, size := make(map[string]span, len(order)), int64(0)
	buffered := bufio.NewWriterSize(out, 1<<16)
	for _, id := range order {
		place := places[id]
		line := make([]byte, place.length, place.length+1)
		if _, err := in.ReadAt(line, place.at); err != nil {
			return nil, 0, err
		}
		n, err := buffered.Write(append(line, '\n'))
		if err != nil {
			return nil, 0, err
		}
		copied[id] = span{size, place.length}
		size += int64(n)
	}
	return copied, size, buffered.Flush()
}
