package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/explain"
	"github.com/steersight/steersight/index"
	"github.com/steersight/steersight/model"
)

func newFeature() *cobra.Command {
	var f openFlags
	var asJSON bool
	size := pyInt(5)
	c := &cobra.Command{
		Use:   "feature ID",
		Short: "describe one feature: its documents, their activations, its neighbours",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{c.CommandPath(), fmt.Errorf("one feature is needed, not %d", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil {
				return &usageError{c.CommandPath(), fmt.Errorf("%q is not a feature", args[0])}
			}
			if size < 0 {
				return fmt.Errorf("--size %d: must be 0 or more", size)
			}
			ix, err := f.openIndex(c, false)
			if err != nil {
				return err
			}
			defer ix.Close()
			feature, err := ix.Feature(c.Context(), uint32(id), int(size))
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), feature)
			}
			return printFeature(c.OutOrStdout(), feature)
		},
	}
	c.Flags().StringVar(&f.path, "index", "", "`DIR` of the index")
	c.Flags().Var(&size, "size", "`N` documents and neighbours")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

// printFeature prints a feature for people.
func printFeature(out io.Writer, f *index.Feature) error {
	var text strings.Builder
	label := f.Label
	if label == "" {
		label = "(not labelled)"
	}
	fmt.Fprintf(&text, "feature %d  %s\n%d of %d documents", f.Feature, label, f.Documents, f.Of)
	for _, view := range model.Views() {
		fmt.Fprintf(&text, ", %s %d", view, f.Views[view])
	}
	fmt.Fprintf(&text, "\n\nactivation\n")
	largest := 1
	for _, n := range f.Histogram {
		largest = max(largest, n)
	}
	for i, n := range f.Histogram {
		fmt.Fprintf(&text, "%8.3f %7d  %s\n", f.Largest*float64(i+1)/float64(len(f.Histogram)), n, strings.Repeat("#", (40*n+largest-1)/largest))
	}
	fmt.Fprintf(&text, "\ndocuments\n")
	for _, d := range f.Top {
		title := d.Title
		if title == "" {
			title = d.Text
		}
		fmt.Fprintf(&text, "%8.3f  %s  %s\n", d.Activation, d.ID, explain.Excerpt(title))
	}
	for _, list := range []struct {
		name string
		near []index.Neighbour
	}{{"in the same documents (Jaccard)", f.Together}, {"near in the decoder (cosine)", f.Near}} {
		fmt.Fprintf(&text, "\n%s\n", list.name)
		for _, n := range list.near {
			fmt.Fprintln(&text, strings.TrimRight(fmt.Sprintf("%8.3f  %6d  %s", n.Similarity, n.Feature, n.Label), " "))
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
