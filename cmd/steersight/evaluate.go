package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/internal/npy"
	"github.com/steersight/steersight/study"
)

func newEvaluate() *cobra.Command {
	c := &cobra.Command{
		Use:   "evaluate",
		Short: "measure what an encoder and a feature model are good for",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newEvaluateRetrieval())
	return c
}

const evaluateRetrievalLong = `Index the documents of a BEIR folder, ask its queries and compare the rankings with
its judgments: nDCG@10 and recall@100, each with the interval that holds 95 % of
the means of as many queries drawn anew.

The ways of ranking are bm25 (words), dense (the embedding alone), views (the
embedding and the three views, the paper's equation 11), codes (sparse codes of all
views) and hybrid (bm25 and views fused). The folder has corpus.jsonl, queries.jsonl
and qrels/SPLIT.tsv or qrels.tsv. The index is a temporary one unless --index keeps it.`

// evaluateFlags are the settings of evaluate retrieval; input is --data.
type evaluateFlags struct {
	indexFlags
	split, qrels    string
	queryEmbeddings string
	ways            string
	asJSON          bool
}

func newEvaluateRetrieval() *cobra.Command {
	f := evaluateFlags{indexFlags: indexFlags{computeFlags: computeFlags{batch: 256}}}
	c := &cobra.Command{
		Use:   "retrieval --data DIR",
		Short: "compare rankings with judgments",
		Long:  evaluateRetrievalLong,
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.input, "data", "", "`DIR` of documents, queries and judgments, as BEIR has them")
	flags.StringVar(&f.split, "split", "test", "`NAME` of the judgments in qrels/")
	flags.StringVar(&f.qrels, "qrels", "", "judgments from another `FILE`, tab-separated or TREC's")
	flags.StringVar(&f.ways, "mode", "all", "`WAYS` of ranking, separated by commas: bm25, dense, views, codes, hybrid")
	f.encoderFlags.add(flags)
	flags.StringVar(&f.embeddings, "embeddings", "", "the documents' embeddings instead of an encoder: a .npy `FILE` with a row for each document")
	flags.StringVar(&f.queryEmbeddings, "query_embeddings", "", "the queries' embeddings instead of an encoder: a .npy `FILE` with a row for each query")
	f.modelFlags.add(flags)
	flags.StringVar(&f.path, "index", "", "`DIR` of the index, made or used as it is; a temporary one otherwise")
	flags.StringVar(&f.queryPrefix, "query_prefix", explain.E5QueryPrefix, "`TEXT` put before each query")
	flags.StringVar(&f.docPrefix, "doc_prefix", explain.E5DocumentPrefix, "`TEXT` put before each document")
	flags.BoolVar(&f.asJSON, "json", false, "as one JSON object")
	f.computeFlags.add(flags, "documents")
	return c
}

func (f *evaluateFlags) run(c *cobra.Command) (err error) {
	if f.input == "" {
		return &usageError{c.CommandPath(), errors.New("--data is required")}
	}
	ways := study.Ways
	if f.ways != "all" {
		ways = strings.Split(f.ways, ",")
	}
	for _, way := range ways {
		if !slices.Contains(study.Ways, way) {
			return &usageError{c.CommandPath(), fmt.Errorf("--mode %s: %q is none of all, %s", f.ways, way, strings.Join(study.Ways, ", "))}
		}
	}
	if info, err := os.Stat(f.input); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s: not a folder of corpus.jsonl, queries.jsonl and qrels", f.input)
	}
	judgments, err := f.judgments()
	if err != nil {
		return err
	}
	queries, err := f.queries()
	if err != nil {
		return err
	}
	if f.path == "" {
		folder, err := os.MkdirTemp("", "steersight-evaluate-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		f.path = filepath.Join(folder, "index")
	}
	if err := f.indexFlags.check(); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	if err := f.computeFlags.check(); err != nil {
		return err
	}
	return f.evaluate(c, queries, judgments, ways)
}

// evaluate makes the index and asks it.
func (f *evaluateFlags) evaluate(c *cobra.Command, queries []study.Query, judgments corpus.Judgments, ways []string) (err error) {
	ix, err := f.open(newLogger(c.ErrOrStderr()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	if err := f.fill(c, ix); err != nil {
		return err
	}
	bar := newProgress(c.ErrOrStderr(), "asking", "queries", nil)
	report, err := study.Retrieval(c.Context(), ix, queries, judgments, ways, bar.at)
	bar.finish()
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(c.OutOrStdout(), report)
	}
	return report.Print(c.OutOrStdout())
}

func (f *evaluateFlags) judgments() (corpus.Judgments, error) {
	if f.qrels != "" {
		return corpus.OpenJudgments(f.qrels, f.split)
	}
	return corpus.OpenJudgments(f.input, f.split)
}

// queries reads the queries, and their embeddings if they are stored.
func (f *evaluateFlags) queries() (queries []study.Query, err error) {
	reader, err := corpus.OpenQueries(f.input, nil)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	seen := map[string]bool{}
	for {
		q, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if seen[q.ID] {
			return nil, fmt.Errorf("%s:%d: two queries have the id %q", f.input, reader.Line(), q.ID)
		}
		seen[q.ID] = true
		queries = append(queries, study.Query{Query: q})
	}
	if f.queryEmbeddings == "" {
		return queries, nil
	}
	rows, err := npy.Open(f.queryEmbeddings)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if rows.Rows() != len(queries) {
		return nil, fmt.Errorf("%s: %d rows, but the input has %d queries: one row for each is needed", f.queryEmbeddings, rows.Rows(), len(queries))
	}
	for i := range queries {
		queries[i].Vector = make([]float32, rows.Cols())
		if err := rows.Row(i, queries[i].Vector); err != nil {
			return nil, err
		}
	}
	return queries, nil
}
