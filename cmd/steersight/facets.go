package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/index"
)

// newFacets is search without hits: only counts.
func newFacets() *cobra.Command {
	f := searchFlags{}
	c := &cobra.Command{
		Use:   "facets [QUERY]",
		Short: "count features and field values of the documents that match",
		Long: `Count features, or the values of fields, in the documents that match a query in any
of its words, or in all documents where there is no query.`,
		RunE: func(c *cobra.Command, args []string) error { return f.count(c, args) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.path, "index", "", "`DIR` of the index")
	flags.StringArrayVar(&f.facets, "facet", []string{"features"}, "count the values of a `FIELD`, or features (or features:qa for one view); may be repeated")
	flags.StringVar(&f.filter, "filter", "", "`QUERY` that documents must match, in Bleve's query syntax")
	flags.Var(&toggleFlag{&f.requestFlags, index.Require}, "require", "`FEATURES` that documents must have")
	flags.Var(&toggleFlag{&f.requestFlags, index.Exclude}, "exclude", "`FEATURES` that documents must not have")
	flags.Var(&f.size, "size", "`N` values of each (default 10)")
	flags.BoolVar(&f.asJSON, "json", false, "print the answer as JSON")
	return c
}

func (f *searchFlags) count(c *cobra.Command, args []string) error {
	ix, err := f.openIndex(c, false)
	if err != nil {
		return err
	}
	defer ix.Close()
	request := f.request(strings.Join(args, " "), nil)
	request.Mode, request.Explain = index.BM25, index.ExplainNone
	if len(args) == 0 { // any vector matches all documents
		request.Mode, request.Vector = index.Vector, make([]float32, ix.Model().SAE.Dim)
	}
	for i := range request.Facets {
		request.Facets[i].Size = int(f.size)
	}
	none := 0
	request.Size = &none
	answer, err := ix.Search(c.Context(), request)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(c.OutOrStdout(), answer.Facets)
	}
	return printAnswer(c.OutOrStdout(), answer)
}
