package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// reference annotates the flags that the reference program has too. An
// abbreviation that is unique among them keeps its meaning, whatever flags of
// ours begin the same way.
const reference = "reference"

// expandFlags rewrites the flags among args to the form --name=value that
// pflag takes literally, and accepts what Python's argparse accepts: unique
// abbreviations, values in the next argument, values that look like negative
// numbers. Other arguments stay as they are.
func expandFlags(flags *pflag.FlagSet, args []string) ([]string, error) {
	var expanded []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(expanded, args[i:]...), nil
		}
		if !strings.HasPrefix(arg, "--") {
			expanded = append(expanded, arg)
			continue
		}
		name, value, hasValue := strings.Cut(arg[2:], "=")
		flag, err := findFlag(flags, name)
		if err != nil {
			return nil, err
		}
		switch {
		case hasValue:
		case flag.NoOptDefVal != "":
			value = flag.NoOptDefVal
		case i+1 == len(args) || looksLikeFlag(args[i+1]):
			return nil, fmt.Errorf("--%s needs a value", flag.Name)
		default:
			i++
			value = args[i]
		}
		expanded = append(expanded, "--"+flag.Name+"="+value)
	}
	return expanded, nil
}

// findFlag finds the flag that name is or abbreviates.
func findFlag(flags *pflag.FlagSet, name string) (*pflag.Flag, error) {
	if flag := flags.Lookup(name); flag != nil {
		return flag, nil
	}
	var all, ofReference []*pflag.Flag
	flags.VisitAll(func(flag *pflag.Flag) {
		if !strings.HasPrefix(flag.Name, name) {
			return
		}
		all = append(all, flag)
		if _, ok := flag.Annotations[reference]; ok {
			ofReference = append(ofReference, flag)
		}
	})
	switch {
	case len(ofReference) == 1:
		return ofReference[0], nil
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return nil, fmt.Errorf("unknown flag --%s", name)
	}
	names := make([]string, len(all))
	for i, flag := range all {
		names[i] = "--" + flag.Name
	}
	slices.Sort(names)
	return nil, fmt.Errorf("--%s is short for several flags: %s", name, strings.Join(names, ", "))
}

var negativeNumber = regexp.MustCompile(`^-(\d+|\d*\.\d+)$`)

// looksLikeFlag tells a flag from a value as argparse does.
func looksLikeFlag(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && !negativeNumber.MatchString(arg) && !strings.Contains(arg, " ")
}

// markReference marks the flags of the reference program.
func markReference(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flags.SetAnnotation(name, reference, nil)
	}
}

// A pyFloat is a flag that reads a number as Python's float() does.
type pyFloat float64

func (f pyFloat) String() string { return strconv.FormatFloat(float64(f), 'g', -1, 64) }

func (f *pyFloat) Type() string { return "number" }

func (f *pyFloat) Set(text string) error {
	digits, err := pyDigits(text)
	if err != nil || strings.ContainsAny(digits, "xXpP") {
		return errors.New("not a number")
	}
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return errors.New("not a number")
	}
	*f = pyFloat(value)
	return nil
}

// A pyInt is a flag that reads a number as Python's int() does. Numbers too
// large for an int become the largest.
type pyInt int

func (n pyInt) String() string { return strconv.Itoa(int(n)) }

func (n *pyInt) Type() string { return "integer" }

func (n *pyInt) Set(text string) error {
	digits, err := pyDigits(text)
	if err != nil {
		return err
	}
	value, err := strconv.ParseInt(digits, 10, 0)
	if errors.Is(err, strconv.ErrRange) {
		value = math.MaxInt
		if digits[0] == '-' {
			value = math.MinInt
		}
	} else if err != nil {
		return errors.New("not an integer")
	}
	*n = pyInt(value)
	return nil
}

var underscore = regexp.MustCompile(`([0-9])_([0-9])`)

// pyDigits takes from a number what Python allows and Go does not: white space
// around it and single underscores between digits.
func pyDigits(text string) (string, error) {
	text = strings.TrimSpace(text)
	for underscore.MatchString(text) {
		text = underscore.ReplaceAllString(text, "$1$2")
	}
	if text == "" || strings.Contains(text, "_") {
		return "", errors.New("not a number")
	}
	return text, nil
}
