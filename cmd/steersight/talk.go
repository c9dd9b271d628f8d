package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// The program talks on standard error, a line at a time, each line begun with
// its name, in lower case and without a full stop.

// newLogger returns a logger whose warnings read like the rest of the talk.
func newLogger(stderr io.Writer) *slog.Logger {
	return slog.New(&talk{stderr: stderr})
}

// talk is a slog.Handler that writes "steersight: warning: message key=value".
type talk struct {
	stderr io.Writer
	attrs  []slog.Attr
}

func (t *talk) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (t *talk) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	line.WriteString("steersight: ")
	if record.Level >= slog.LevelWarn {
		line.WriteString("warning: ")
	}
	line.WriteString(record.Message)
	write := func(a slog.Attr) bool {
		fmt.Fprintf(&line, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range t.attrs {
		write(a)
	}
	record.Attrs(write)
	_, err := fmt.Fprintln(t.stderr, line.String())
	return err
}

func (t *talk) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &talk{t.stderr, append(t.attrs[:len(t.attrs):len(t.attrs)], attrs...)}
}

func (t *talk) WithGroup(string) slog.Handler { return t }

// progress shows on a terminal how many things are done, how fast, and, where
// the size of the input is known, how long the rest takes; on anything else it
// is silent.
type progress struct {
	bar *progressbar.ProgressBar
	// read returns how many bytes of the input have been read, and of how
	// many, 0 where that is not known; nil where there is no such input.
	read func() (read, size int64)
}

func newProgress(stderr io.Writer, doing, what string, read func() (read, size int64)) *progress {
	file, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{read: read, bar: progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(file),
		progressbar.OptionSetDescription("steersight: "+doing),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(what),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// at shows that n things are done. How many there are in all is reckoned from
// the part of the input that has been read.
func (p *progress) at(n int) {
	if p.bar == nil {
		return
	}
	if p.read != nil {
		if read, size := p.read(); read > 0 && read < size {
			p.bar.ChangeMax64(int64(float64(n) * float64(size) / float64(read)))
		}
	}
	p.bar.Set(n)
}

// describe says what is being done.
func (p *progress) describe(doing string) {
	if p.bar != nil {
		p.bar.Describe("steersight: " + doing)
	}
}

// finish clears the line.
func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}
