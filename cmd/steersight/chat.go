package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"github.com/steersight/steersight/study"
)

// chatFlags name a server that a language model answers on.
type chatFlags struct {
	server, model string
	maxTokens     pyInt
	concurrency   pyInt
	priceIn       pyFloat
	priceOut      pyFloat
	dryRun        bool
}

// add adds the flags; what names the things asked about at once.
func (f *chatFlags) add(flags *pflag.FlagSet, what string) {
	f.maxTokens, f.concurrency, f.priceIn, f.priceOut = 2048, 4, -1, -1
	flags.StringVar(&f.server, "chat_server", "", "`URL` of an OpenAI-compatible server; its key is taken from STEERSIGHT_CHAT_API_KEY")
	flags.StringVar(&f.model, "chat_model", "", "`NAME` of the model, as the server calls it")
	flags.Var(&f.maxTokens, "max_tokens", "`N` tokens of an answer at most, with what the model thinks before it")
	flags.Var(&f.concurrency, "concurrency", "`N` "+what+" asked about at once")
	flags.Var(&f.priceIn, "price_input", "`PRICE` of a million tokens sent, to reckon the cost")
	flags.Var(&f.priceOut, "price_output", "`PRICE` of a million tokens that come back, to reckon the cost")
	flags.BoolVar(&f.dryRun, "dry_run", false, "say what is to do and what it takes, and stop")
	for _, name := range []string{"price_input", "price_output"} {
		flags.Lookup(name).DefValue = ""
	}
}

// given tells whether a server is to be asked.
func (f *chatFlags) given() bool { return f.server != "" || f.dryRun }

// check finds what is wrong with the command line itself.
func (f *chatFlags) check() error {
	switch {
	case f.server == "" && !f.dryRun:
		return errors.New("--chat_server is required")
	case f.model == "" && !f.dryRun:
		return errors.New("--chat_model is required")
	case f.maxTokens < 1 || f.maxTokens > study.MaxChatTokens:
		return fmt.Errorf("--max_tokens %d: must be 1 to %d", f.maxTokens, study.MaxChatTokens)
	case f.concurrency < 1:
		return fmt.Errorf("--concurrency %d: must be 1 or more", f.concurrency)
	case (f.priceIn == -1) != (f.priceOut == -1):
		return errors.New("give both prices, --price_input and --price_output, or none")
	case f.priceIn != -1 && !(f.priceIn >= 0 && f.priceOut >= 0): // nor NaN
		return errors.New("a price is not a number from 0 up")
	}
	return nil
}

// open opens the server. A dry run needs none, and gets nil.
func (f *chatFlags) open(logger *slog.Logger) (*study.Chat, error) {
	if f.dryRun {
		return nil, nil
	}
	return study.OpenChat(study.ChatOptions{
		URL: f.server, Model: f.model, APIKey: os.Getenv("STEERSIGHT_CHAT_API_KEY"),
		MaxTokens: int(f.maxTokens), Concurrency: int(f.concurrency), Logger: logger,
	})
}

// printCost says what asking will take.
func (f *chatFlags) printCost(out io.Writer, cost study.Cost) {
	if cost.Questions == 0 {
		return
	}
	fmt.Fprintf(out, "steersight: %d questions: about %d tokens in, %d out (at most %d)\n", cost.Questions, cost.In, cost.Out, cost.MaxOut)
	if f.priceIn != -1 {
		fmt.Fprintf(out, "steersight: about %.2f at these prices (at most %.2f)\n", f.price(cost.In, cost.Out), f.price(cost.In, cost.MaxOut))
	}
}

// printSpent says what asking took.
func (f *chatFlags) printSpent(out io.Writer, chat *study.Chat) {
	tokensIn, tokensOut := chat.Tokens()
	if tokensIn+tokensOut == 0 {
		return // the server does not tell
	}
	fmt.Fprintf(out, "steersight: the server counts %d tokens in, %d out", tokensIn, tokensOut)
	if f.priceIn != -1 {
		fmt.Fprintf(out, ", %.2f at these prices", f.price(int(tokensIn), int(tokensOut)))
	}
	fmt.Fprintln(out)
}

func (f *chatFlags) price(tokensIn, tokensOut int) float64 {
	return (float64(f.priceIn)*float64(tokensIn) + float64(f.priceOut)*float64(tokensOut)) / 1e6
}
