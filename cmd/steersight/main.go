// Command steersight explains dense retrieval with sparse-autoencoder
// features. Data goes to standard output, talk to standard error; the exit
// code is 0 on success, 2 when the command line cannot be understood, and 1
// for any other failure.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/steersight/steersight/internal/kernel"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs the program with its arguments and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if _, err := kernel.InUse(); err != nil {
		newLogger(stderr).Warn(err.Error())
	}
	err := execute(ctx, root, args)
	if err == nil {
		return 0
	}
	var resumable *resumableError
	if ctx.Err() != nil && !errors.As(err, &resumable) {
		err = errors.New("interrupted; nothing was written")
	}
	fmt.Fprintf(stderr, "steersight: %v\n", err)
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "steersight: hint: '%s --help' lists the flags\n", usage.command)
		return 2
	}
	return 1
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:                "steersight",
		Short:              "search with the features of a sparse autoencoder: explained, faceted, steered",
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newIndex(), newSearch(), newFacets(), newFeature(), newLabel(), newExplain(),
		newCheck(), newStats(), newCompact(), newDump(), newReindex(), newBench(), newEvaluate(), newViews(), newEmbed(), newTrain(), newModel(), newVersion())
	return root
}

// execute lets the command take its flags in the forms that argparse accepts,
// then runs it.
func execute(ctx context.Context, root *cobra.Command, args []string) error {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	command, rest, err := root.Find(args)
	if err != nil {
		return &usageError{root.CommandPath(), err}
	}
	command.InitDefaultHelpFlag()
	expanded, err := expandFlags(command.Flags(), rest)
	if err != nil {
		return &usageError{command.CommandPath(), err}
	}
	path := strings.Fields(command.CommandPath())[1:]
	root.SetArgs(append(path, expanded...))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{c.CommandPath(), err} })
	return root.ExecuteContext(ctx)
}

// A usageError is a command line that cannot be understood.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

// A resumableError is an interrupt after which what was done is kept.
type resumableError struct{ error }

// noArguments refuses arguments that are not flags.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{c.CommandPath(), fmt.Errorf("unexpected argument %q", args[0])}
	}
	return nil
}
