package corpus

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Judgments say how relevant documents are to queries, by query and document: 0
// and below not at all.
type Judgments map[string]map[string]int

// OpenJudgments reads the judgments of a split of a BEIR folder, qrels/SPLIT.tsv,
// or qrels.tsv where there is no folder of splits, or those of a file.
func OpenJudgments(path, split string) (Judgments, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		folder := path
		path = filepath.Join(folder, "qrels", split+".tsv")
		if _, err := os.Stat(filepath.Join(folder, "qrels")); errors.Is(err, fs.ErrNotExist) {
			path = filepath.Join(folder, "qrels.tsv")
		}
	}
	s, err := open(path, "", nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	judgments := Judgments{}
	for {
		line, err := s.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := judgments.add(string(line), s.Line() == 1); err != nil {
			return nil, s.wrong(err)
		}
	}
	if len(judgments) == 0 {
		return nil, fmt.Errorf("%s: no judgments in it", path)
	}
	return judgments, nil
}

// add takes a line: query, document and score, as BEIR writes them, below a
// line of names; or query, iteration, document and score, as TREC does.
func (j Judgments) add(line string, first bool) error {
	fields := strings.Split(strings.TrimSpace(line), "\t")
	if len(fields) == 1 {
		fields = strings.Fields(line)
	}
	if len(fields) == 4 {
		fields = []string{fields[0], fields[2], fields[3]}
	}
	if len(fields) != 3 {
		return fmt.Errorf("%d columns; want query, document and score, or those of TREC", len(fields))
	}
	score, err := strconv.Atoi(fields[2])
	if err != nil {
		if first {
			return nil // the names of the columns
		}
		return fmt.Errorf("score %q is not a whole number", fields[2])
	}
	if _, ok := j[fields[0]][fields[1]]; ok {
		return fmt.Errorf("query %s and document %s are judged twice", fields[0], fields[1])
	}
	if j[fields[0]] == nil {
		j[fields[0]] = map[string]int{}
	}
	j[fields[0]][fields[1]] = score
	return nil
}
