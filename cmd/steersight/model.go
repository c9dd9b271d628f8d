package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/model"
)

func newModel() *cobra.Command {
	c := &cobra.Command{
		Use:   "model",
		Short: "look at feature models",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newInspect())
	return c
}

func newInspect() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect FILE|DIR",
		Short: "say what a checkpoint, or a folder of them, holds",
		Long: `Read and check a sparse autoencoder, an internalizer, or a folder of the three
internalizers with or without an autoencoder, and say what it holds. A file that
cannot be used is refused with one line that says why, and exit code 1.`,
		Args: oneArgument,
		RunE: func(c *cobra.Command, args []string) error {
			description, err := model.Inspect(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), description)
			}
			return printDescription(c.OutOrStdout(), description)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

// oneArgument wants exactly one argument that is not a flag.
func oneArgument(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{c.CommandPath(), fmt.Errorf("one file or folder is needed, not %d", len(args))}
	}
	return nil
}

// printDescription prints a description, a line for each fact; the parts of a
// folder follow it.
func printDescription(out io.Writer, d model.Description) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fact := func(name, format string, values ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	fact("path", "%s", d.Path)
	kind := d.Kind
	if d.View != "" {
		kind += " of the " + string(d.View) + " view"
	}
	fact("kind", "%s", kind)
	if d.Format != "" {
		fact("format", "%s, %s", d.Format, d.DType)
	}
	fact("dim", "%d", d.Dim)
	if d.Hidden > 0 {
		fact("hidden", "%d", d.Hidden)
	}
	if d.Features > 0 {
		fact("features", "%d", d.Features)
	}
	if d.K != nil {
		fact("k", "%d", *d.K)
	}
	if d.Threshold != nil {
		fact("threshold", "%v", *d.Threshold)
	}
	fact("parameters", "%d", d.Parameters)
	if d.NoFingerprint != "" {
		fact("fingerprint", "none: %s", d.NoFingerprint)
	} else {
		fact("fingerprint", "%s", d.Fingerprint)
	}
	for _, t := range d.Tensors {
		fact("tensor", "%s %s %s", t.Name, t.DType, shape(t.Shape))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, part := range d.Parts {
		fmt.Fprintln(out)
		if err := printDescription(out, part); err != nil {
			return err
		}
	}
	return nil
}

// shape prints a tensor's shape as [2, 3].
func shape(dims []int) string {
	return strings.ReplaceAll(fmt.Sprint(dims), " ", ", ")
}
