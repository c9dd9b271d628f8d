package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/internal/corpus"
	"github.com/steersight/steersight/internal/npy"
	"github.com/steersight/steersight/model"
)

// requestFlags are the settings of one search.
type requestFlags struct {
	mode, scope, explain, filter string
	toggles                      []index.Toggle
	facets                       []string
	size, offset                 pyInt
	threshold                    pyFloat
}

func (f *requestFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.mode, "mode", "", "what ranks: bm25, vector, codes, overlap or hybrid (default hybrid)")
	flags.StringVar(&f.scope, "scope", string(index.AllViews), "vectors that count: views (all four) or original")
	flags.Var(&toggleFlag{f, index.Boost}, "boost", "`FEATURES` that count more, such as 12,99=3 (default factor 2)")
	flags.Var(&toggleFlag{f, index.Dampen}, "dampen", "`FEATURES` that count less, such as 7=0.5 (default factor 0)")
	flags.Var(&toggleFlag{f, index.Require}, "require", "`FEATURES` that a hit must have")
	flags.Var(&toggleFlag{f, index.Exclude}, "exclude", "`FEATURES` that a hit must not have")
	flags.StringVar(&f.filter, "filter", "", "`QUERY` that a hit must match, in Bleve's query syntax, such as subject:physics")
	flags.StringArrayVar(&f.facets, "facet", nil, "count the values of a `FIELD`, or features (or features:qa for one view); may be repeated")
	flags.Var(&f.size, "size", "`N` hits")
	flags.Var(&f.offset, "offset", "`N` hits to pass over")
	flags.Var(&f.threshold, "activation_threshold", "`TAU`: features with a greater activation count")
	flags.StringVar(&f.explain, "explain", string(index.ExplainIDs), "none, ids (shared features) or full (every contribution to the score)")
}

// toggleFlag is a flag that toggles features.
type toggleFlag struct {
	request *requestFlags
	action  index.Action
}

func (t *toggleFlag) String() string { return "" }

func (t *toggleFlag) Type() string { return "features" }

func (t *toggleFlag) Set(list string) error {
	toggles, err := parseFeatures(list, t.action)
	t.request.toggles = append(t.request.toggles, toggles...)
	return err
}

// request makes a request for a text or a vector.
func (f *requestFlags) request(text string, vector []float32) index.Request {
	size := int(f.size)
	r := index.Request{Text: text, Vector: vector, Mode: index.Mode(f.mode), Scope: index.Scope(f.scope), Explain: index.Level(f.explain),
		Filter: index.Filter{Query: f.filter}, Toggles: f.toggles, Size: &size, Offset: int(f.offset), Threshold: float32(f.threshold)}
	for _, name := range f.facets {
		facet := index.FacetRequest{Name: name}
		kind, view, _ := strings.Cut(name, ":")
		if kind == "features" {
			facet.View = model.View(view)
		} else {
			facet.Field = name
		}
		r.Facets = append(r.Facets, facet)
	}
	return r
}

// searchFlags are the settings of the search command.
type searchFlags struct {
	openFlags
	requestFlags
	asJSON          bool
	queries         string
	queryEmbeddings string
	run             string
}

const searchLong = `Search an index, and say for each hit which features it shares with the query.

The query is a text on the command line, or many in a file of JSON lines ("_id" and
"text"), whose rankings are written as a TREC run. The encoder must be the one that
made the index; --mode bm25 needs none.`

func newSearch() *cobra.Command {
	f := searchFlags{requestFlags: requestFlags{size: 10}}
	c := &cobra.Command{
		Use:     "search [QUERY]",
		Short:   "search an index: explained, faceted, steered",
		Long:    searchLong,
		Example: `  steersight search --index ./cranfield --embedding_model_name ./e5-small-v2 "heat transfer" --boost 431 --facet features`,
		RunE:    func(c *cobra.Command, args []string) error { return f.search(c, args) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.path, "index", "", "`DIR` of the index")
	f.encoderFlags.add(flags)
	f.requestFlags.add(flags)
	flags.BoolVar(&f.asJSON, "json", false, "print the answer as JSON")
	flags.StringVar(&f.queries, "queries", "", "search for each query of a `FILE` of JSON lines, or of a BEIR folder")
	flags.StringVar(&f.queryEmbeddings, "query_embeddings", "", "the queries' embeddings instead of an encoder: a .npy `FILE` with a row for each query")
	flags.StringVar(&f.run, "run", "", "write the rankings to a `FILE` as a TREC run; - is standard output")
	flags.StringVar(&f.device, "device", "auto", "`NAME`: auto, cpu, cuda or cuda:N")
	flags.Var(&f.threads, "threads", "`N` CPU threads (default all)")
	return c
}

func (f *searchFlags) search(c *cobra.Command, args []string) error {
	if err := f.check(args); err != nil {
		return &usageError{c.CommandPath(), err}
	}
	ix, err := f.openIndex(c, f.mode != string(index.BM25))
	if err != nil {
		return err
	}
	defer ix.Close()
	if f.queries != "" {
		return f.many(c, ix)
	}
	answer, err := ix.Search(c.Context(), f.request(strings.Join(args, " "), nil))
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(c.OutOrStdout(), answer)
	}
	return printAnswer(c.OutOrStdout(), answer)
}

func (f *searchFlags) check(args []string) error {
	switch {
	case f.queries == "" && len(args) == 0:
		return errors.New("a query is needed, or --queries")
	case f.queries != "" && len(args) > 0:
		return errors.New("give one query or --queries, not both")
	case (f.queries == "") != (f.run == ""):
		return errors.New("--queries and --run go together")
	case f.queryEmbeddings != "" && f.queries == "":
		return errors.New("--query_embeddings goes with --queries")
	}
	return nil
}

// many searches for each query and writes a run.
func (f *searchFlags) many(c *cobra.Command, ix *index.Index) error {
	queries, err := corpus.OpenQueries(f.queries, c.InOrStdin())
	if err != nil {
		return err
	}
	defer queries.Close()
	var rows *npy.File
	if f.queryEmbeddings != "" {
		if rows, err = npy.Open(f.queryEmbeddings); err != nil {
			return err
		}
		defer rows.Close()
	}
	output, err := createOutput(f.run, c.OutOrStdout())
	if err != nil {
		return err
	}
	defer output.Close()
	bar := newProgress(c.ErrOrStderr(), "searching", "queries", queries.Progress)
	n, err := f.writeRun(c, ix, queries, rows, corpus.NewRunWriter(output, "steersight"), bar)
	bar.finish()
	if err != nil {
		return err
	}
	if rows != nil && n != rows.Rows() {
		return fmt.Errorf("%s: %d rows, but the input has %d queries: one row for each is needed", f.queryEmbeddings, rows.Rows(), n)
	}
	if err := output.Commit(); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "steersight: ranked documents for %d queries\n", n)
	return nil
}

func (f *searchFlags) writeRun(c *cobra.Command, ix *index.Index, queries *corpus.QueryReader, rows *npy.File, run *corpus.RunWriter, bar *progress) (int, error) {
	for n := 0; ; n++ {
		query, err := queries.Next()
		if err == io.EOF {
			return n, run.Flush()
		}
		if err != nil {
			return n, err
		}
		var vector []float32
		if rows != nil {
			if n == rows.Rows() {
				return n, fmt.Errorf("%s: %d rows, but the input has more queries: one row for each is needed", f.queryEmbeddings, n)
			}
			vector = make([]float32, rows.Cols())
			if err := rows.Row(n, vector); err != nil {
				return n, err
			}
		}
		request := f.request(query.Text, vector)
		request.Explain = index.ExplainNone
		answer, err := ix.Search(c.Context(), request)
		if err != nil {
			return n, fmt.Errorf("query %s: %w", query.ID, err)
		}
		for _, hit := range answer.Hits {
			if err := run.Write(query.ID, hit.ID, hit.Rank, hit.Score); err != nil {
				return n, err
			}
		}
		bar.at(n + 1)
	}
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// printAnswer prints an answer for people.
func printAnswer(out io.Writer, a *index.Answer) error {
	var text strings.Builder
	exactly := ""
	if !a.Exact {
		exactly = "at least "
	}
	fmt.Fprintf(&text, "%s%d documents match; %s over %s, in %.1f ms\n", exactly, a.Matched, a.Request.Mode, a.Request.Scope, float64(a.Took.Microseconds())/1000)
	for _, hit := range a.Hits {
		printHit(&text, hit)
	}
	for _, f := range a.Facets {
		fmt.Fprintf(&text, "\n%s: %d values in %d documents (%s)\n", f.Name, f.TotalValues, f.Documents, f.CountedOver)
		for _, v := range f.Values {
			name := v.Value
			if v.Feature != nil {
				name = fmt.Sprintf("%6d  %s", *v.Feature, v.Label)
			}
			mark := " "
			if v.Selected {
				mark = "*"
			}
			fmt.Fprintf(&text, "%s%8d  %s\n", mark, v.Count, name)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// shownFeatures is how many shared features of a hit are printed.
const shownFeatures = 5

func printHit(text *strings.Builder, hit index.Hit) {
	title := hit.Title
	if title == "" {
		title = hit.Text
	}
	fmt.Fprintf(text, "\n%3d  %.4f  %s  %s\n", hit.Rank, hit.Score, hit.ID, explain.Excerpt(title))
	if parts := printParts(hit.Parts); parts != "" {
		fmt.Fprintf(text, "     %s\n", parts)
	}
	if hit.ShareExplained != nil {
		fmt.Fprintf(text, "     shared features explain %.0f %% of the vector score\n", 100**hit.ShareExplained)
	}
	for i, f := range sharedFeatures(hit) {
		if i == shownFeatures {
			break
		}
		line := fmt.Sprintf("     %+.4f  %6d  %s", f.Contribution, f.Feature, f.Label)
		fmt.Fprintln(text, strings.TrimRight(line, " "))
	}
}

// printParts lists the parts of a score.
func printParts(p index.Parts) string {
	var parts []string
	add := func(name string, value *float64, rank int) {
		if value == nil {
			return
		}
		part := fmt.Sprintf("%s %.4f", name, *value)
		if rank > 0 {
			part += fmt.Sprintf(" (rank %d)", rank)
		}
		parts = append(parts, part)
	}
	add("bm25", p.BM25, p.BM25Rank)
	add("vector", p.Vector, p.VectorRank)
	add("codes", p.Codes, 0)
	add("steering", p.Steering, 0)
	if p.Overlap != nil {
		parts = append(parts, fmt.Sprintf("%d shared features", *p.Overlap))
	}
	return strings.Join(parts, ", ")
}

// sharedFeatures adds up a hit's shared features over its views, the largest
// contribution first.
func sharedFeatures(hit index.Hit) []index.SharedFeature {
	at := map[uint32]int{}
	var all []index.SharedFeature
	add := func(f index.SharedFeature) {
		i, ok := at[f.Feature]
		if !ok {
			at[f.Feature] = len(all)
			all = append(all, f)
			return
		}
		all[i].Contribution += f.Contribution
	}
	for _, view := range model.Views() {
		for _, f := range hit.Shared[view] {
			add(f)
		}
	}
	for _, view := range hit.Views {
		for _, leaf := range view.Features {
			if leaf.Shared {
				add(index.SharedFeature{Feature: leaf.Feature, Label: leaf.Label, Contribution: leaf.Contribution})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b index.SharedFeature) int {
		switch difference := b.Contribution - a.Contribution; {
		case math.Abs(difference) < 1e-12:
			return int(a.Feature) - int(b.Feature)
		case difference > 0:
			return 1
		}
		return -1
	})
	return all
}
