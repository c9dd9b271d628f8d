package model

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/steersight/steersight/internal/atomicfile"
	"github.com/steersight/steersight/internal/lines"
)

// A Label is one name of a feature. A file of labels has one a line, as JSON;
// a feature may have several, by different authors.
type Label struct {
	Feature uint32 `json:"feature"`
	Label   string `json:"label"`
	Author  string `json:"author,omitempty"` // who or what made it
	// Score says how well the label tells texts that have the feature from
	// others: 0.5 is chance, 1 always. Labels that people make need none.
	Score *float64 `json:"score,omitempty"`
	// ChatScore says the same of labels that a language model made, as that
	// model judges.
	ChatScore *float64 `json:"chat_score,omitempty"`
	Examples  int      `json:"examples,omitempty"` // texts that it was made from
}

// labelFileEnding is the ending of a file of Labels; others hold one a line, by
// feature.
const labelFileEnding = ".jsonl"

// mostFeatures bounds what a label can make a reader allocate.
const mostFeatures = 1 << 24

// ReadLabelFile reads a file of labels. Unknown members are errors.
func ReadLabelFile(path string) ([]Label, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var labels []Label
	for reader := lines.NewReader(file); ; {
		line, err := reader.Next()
		if err == io.EOF {
			return labels, nil
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var l Label
		if err == nil {
			l, err = parseLabel(line)
		}
		if err != nil {
			return nil, wrongFile(path, "line %d: %w", reader.Number(), err)
		}
		labels = append(labels, l)
	}
}

// parseLabel reads a line.
func parseLabel(line []byte) (l Label, err error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	given := struct {
		Feature *uint32 `json:"feature"`
		*Label
	}{Label: &l}
	if err := decoder.Decode(&given); err != nil {
		return l, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return l, errors.New("more text after the object")
	}
	switch {
	case given.Feature == nil:
		return l, errors.New("no feature")
	case *given.Feature >= mostFeatures:
		return l, fmt.Errorf("feature %d: no model has so many", *given.Feature)
	case strings.ContainsAny(l.Label, "\r\n"):
		return l, fmt.Errorf("label %q has a line break in it", l.Label)
	}
	for _, score := range []*float64{l.Score, l.ChatScore} {
		if score != nil && !(*score >= 0 && *score <= 1) {
			return l, fmt.Errorf("score %v: must be 0 to 1", *score)
		}
	}
	l.Feature = *given.Feature
	return l, nil
}

// WriteLabelFile writes labels for ReadLabelFile to read. The file is there in
// full or not at all.
func WriteLabelFile(path string, labels []Label) error {
	file, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, l := range labels {
		if err := encoder.Encode(l); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Commit()
}

// BestLabels returns a label for each of so many features: of several, that with
// the highest score, one without a score before all, and the first of equals.
// Labels of features that are not there are errors.
func BestLabels(all []Label, features int) (Labels, error) {
	best := make(Labels, features)
	scores := make([]float64, features)
	seen := make([]bool, features)
	for _, l := range all {
		if int(l.Feature) >= features {
			return nil, fmt.Errorf("label %q is of feature %d; the model has features 0 to %d", l.Label, l.Feature, features-1)
		}
		score := math.Inf(1)
		if l.Score != nil {
			score = *l.Score
		}
		if !seen[l.Feature] || score > scores[l.Feature] {
			best[l.Feature], scores[l.Feature], seen[l.Feature] = l.Label, score, true
		}
	}
	return best, nil
}
