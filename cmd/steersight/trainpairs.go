package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/embed"
	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/study"
)

// embedPairs reads pairs of texts and returns their embeddings.
func embedPairs(c *cobra.Command, path, prefix string, encoder embed.Encoder) (texts, targets study.InMemory, err error) {
	pairs, err := corpus.OpenPairs(path, c.InOrStdin())
	if err != nil {
		return nil, nil, err
	}
	defer pairs.Close()
	bar := newProgress(c.ErrOrStderr(), "embedding", "pairs", pairs.Progress)
	defer bar.finish()
	const some = 64
	for done := false; !done; {
		var batch []string // a text, its target, the next text …
		for len(batch) < 2*some && !done {
			p, err := pairs.Next()
			if done = err == io.EOF; done {
				break
			}
			if err != nil {
				return nil, nil, err
			}
			batch = append(batch, prefix+p.Text, prefix+p.Target)
		}
		if len(batch) == 0 {
			break
		}
		rows, err := encoder.Encode(c.Context(), batch)
		if err != nil {
			return nil, nil, err
		}
		for i := 0; i < len(rows); i += 2 {
			texts, targets = append(texts, rows[i]), append(targets, rows[i+1])
		}
		bar.at(len(texts))
	}
	if len(texts) == 0 {
		return nil, nil, fmt.Errorf("%s: no pairs in it", path)
	}
	return texts, targets, nil
}
