package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/steersight/steersight/embed"
	"github.com/steersight/steersight/internal/kernel"
)

// EmbedSettings are the settings of Embed.
type EmbedSettings struct {
	Model   string `json:"model"` // a model folder
	Texts   int    `json:"texts"` // of a round
	Rounds  int    `json:"rounds"`
	Threads int    `json:"threads"`
	Tokens  []int  `json:"tokens"` // the lengths of texts, the tokens around them included
}

// check returns an error for settings that measure nothing.
func (s *EmbedSettings) check() error {
	for _, n := range append([]int{s.Texts, s.Rounds, s.Threads}, s.Tokens...) {
		if n < 1 {
			return fmt.Errorf("texts %d, rounds %d, threads %d, tokens %d: all must be 1 or more", s.Texts, s.Rounds, s.Threads, s.Tokens)
		}
	}
	return nil
}

// An EmbedReport is what Embed found out.
type EmbedReport struct {
	Settings  EmbedSettings `json:"settings"`
	Kernels   string        `json:"kernels"` // the set in use
	Dim       int           `json:"dim"`
	Window    int           `json:"window"`
	Lengths   []EmbedLength `json:"lengths"`
	Anonymous int64         `json:"anonymous_peak_bytes"`
	Resident  int64         `json:"resident_peak_bytes"`
}

// EmbedLength is what texts of one length take.
type EmbedLength struct {
	Tokens    int     `json:"tokens"` // no more than the window
	MS        float64 `json:"ms"`     // of the fastest round
	TextRate  float64 `json:"texts_per_second"`
	TokenRate float64 `json:"tokens_per_second"`
}

// Embed measures a model folder with texts of some lengths.
func Embed(ctx context.Context, s EmbedSettings) (report *EmbedReport, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	folder, err := embed.OpenFolder(s.Model, embed.FolderOptions{Threads: s.Threads})
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	r := &EmbedReport{Settings: s, Dim: folder.Dim(), Window: folder.Window()}
	level, _ := kernel.InUse()
	r.Kernels = string(level)
	anonymous := watchAnonymous()
	defer func() { r.Anonymous, r.Resident = anonymous(), peakResident() }()
	around := len(folder.Tokens(""))
	for _, tokens := range s.Tokens {
		text := strings.Repeat("a ", max(0, tokens-around)) // a token each
		texts := make([]string, s.Texts)
		for i := range texts {
			texts[i] = text
		}
		fastest := time.Duration(math.MaxInt64)
		for round := range s.Rounds + 1 { // the first warms up
			start := time.Now()
			if _, err := folder.Encode(ctx, texts); err != nil {
				return nil, err
			}
			if took := time.Since(start); round > 0 {
				fastest = min(fastest, took)
			}
		}
		length := EmbedLength{Tokens: min(len(folder.Tokens(text)), folder.Window()), MS: float64(fastest) / 1e6}
		length.TextRate = ratio(float64(s.Texts), fastest.Seconds())
		length.TokenRate = length.TextRate * float64(length.Tokens)
		r.Lengths = append(r.Lengths, length)
	}
	return r, nil
}

// Print prints the report for people.
func (r *EmbedReport) Print(out io.Writer) error {
	t, s := newTable(out), &r.Settings
	t.fact("model", "%s, %d numbers, window of %d tokens", s.Model, r.Dim, r.Window)
	t.fact("texts", "%d, fastest of %d rounds, threads %d, kernels %s", s.Texts, s.Rounds, s.Threads, r.Kernels)
	t.gap()
	fmt.Fprint(t, "tokens\ttexts/s\ttokens/s\tms\n")
	for _, l := range r.Lengths {
		fmt.Fprintf(t, "%d\t%.1f\t%.0f\t%.1f\n", l.Tokens, l.TextRate, l.TokenRate, l.MS)
	}
	t.gap()
	t.fact("memory", "%s anonymous at most, %s resident with the mapped weights", megabytes(r.Anonymous), megabytes(r.Resident))
	return t.Flush()
}
