package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/model"
	"github.com/steersight/steersight/study"
)

// errDryRun ends a run that was to say what it takes.
var errDryRun = errors.New("a dry run")

// saveEvery is how often labels are saved while a language model names features;
// what it answered since then is lost if the program is killed.
const saveEvery = 10 * time.Second

// A naming has a language model name features, and keeps its labels in a file
// that the next run goes on from.
type naming struct {
	study.LabelChat
	flags  *chatFlags
	output string
	stderr io.Writer
	labels []model.Label // of the file, and those made since
	made   int
	saved  time.Time
	bar    *progress
}

// openNaming opens the server and the file. The bar is that of what comes
// before.
func (f *labelFlags) openNaming(c *cobra.Command, bar *progress) (*naming, error) {
	n := &naming{flags: &f.chat, output: f.output, stderr: c.ErrOrStderr(), saved: time.Now(), bar: bar}
	if f.output != "" {
		labels, err := model.ReadLabelFile(f.output)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		n.labels = labels
	}
	chat, err := f.chat.open(newLogger(n.stderr))
	if err != nil {
		return nil, err
	}
	n.LabelChat = study.LabelChat{Chat: chat, Author: f.chat.model, MaxTokens: int(f.chat.maxTokens), Concurrency: int(f.chat.concurrency),
		Known: n.labels[:len(n.labels):len(n.labels)], Begin: n.begin, Keep: n.keep}
	return n, nil
}

// begin says what asking takes.
func (n *naming) begin(features int, cost study.Cost) error {
	n.bar.finish()
	fmt.Fprintf(n.stderr, "steersight: %d features to name\n", features)
	n.flags.printCost(n.stderr, cost)
	if n.flags.dryRun {
		return errDryRun
	}
	done := 0
	n.bar = newProgress(n.stderr, "naming", "features", func() (int64, int64) { return int64(done), int64(features) })
	n.Progress = func(now int) {
		done = now
		n.bar.at(now)
	}
	return nil
}

// keep takes in a label, and saves all from time to time.
func (n *naming) keep(l model.Label) error {
	n.labels = append(n.labels, l)
	n.made++
	if time.Since(n.saved) < saveEvery {
		return nil
	}
	return n.save()
}

func (n *naming) save() error {
	n.saved = time.Now()
	return model.WriteLabelFile(n.output, n.labels)
}

// end returns all labels that the file is to have, those by terms and by people
// too. Where naming ended early it saves what there is, and says so.
func (n *naming) end(made []model.Label, err error) ([]model.Label, error) {
	n.bar.finish()
	if n.Chat != nil {
		n.Chat.Close()
		n.flags.printSpent(n.stderr, n.Chat)
	}
	if err == nil {
		return n.merge(made), nil
	}
	if n.made == 0 {
		return nil, err
	}
	if failed := n.save(); failed != nil {
		return nil, errors.Join(err, failed)
	}
	if errors.Is(err, context.Canceled) {
		return nil, &resumableError{fmt.Errorf("interrupted; %s has the labels made so far, run again to go on", n.output)}
	}
	return nil, fmt.Errorf("%w (%s has the labels made so far; run again to go on)", err, n.output)
}

// merge puts the file's labels that were not made again before those made.
func (n *naming) merge(made []model.Label) []model.Label {
	type name struct {
		feature uint32
		author  string
	}
	again := map[name]bool{}
	for _, l := range made {
		again[name{l.Feature, l.Author}] = true
	}
	var all []model.Label
	for _, l := range n.Known {
		if l.Author != study.TermsAuthor && !again[name{l.Feature, l.Author}] {
			all = append(all, l)
		}
	}
	return append(all, made...)
}
