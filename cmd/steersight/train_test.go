package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An interrupt keeps what was trained, and says so.
func TestTrainInterrupted(t *testing.T) {
	dir := t.TempDir()
	if err := writeVectors(dir); err != nil {
		t.Fatal(err)
	}
	train := func(wait time.Duration, more ...string) string {
		ctx, stop := context.WithTimeout(context.Background(), wait)
		defer stop()
		var talk strings.Builder
		args := append([]string{"train", "sae", "--input", filepath.Join(dir, "train.npy"), "--output", filepath.Join(dir, "x"),
			"--features", "40", "--k", "3", "--steps", "100000000"}, more...)
		if code := run(ctx, args, nil, io.Discard, &talk); code != 1 {
			t.Errorf("exit code %d", code)
		}
		return talk.String()
	}
	if said := train(time.Millisecond); said != "steersight: interrupted; nothing was written\n" {
		t.Error(said)
	}
	said, wait := "", time.Second/2
	for said = "nothing"; strings.Contains(said, "nothing") && wait < time.Minute; wait *= 2 { // a busy machine takes long to begin
		said = train(wait, "--checkpoint", filepath.Join(dir, "kept"))
	}
	if !strings.HasPrefix(said, "steersight: interrupted after ") || !strings.HasSuffix(said, " of 100000000 steps; run again to go on\n") {
		t.Error(said)
	}
}
