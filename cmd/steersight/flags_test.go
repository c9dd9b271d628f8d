package main

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func testFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("device", "", "")
	flags.String("doc_embeddings", "", "")
	flags.String("doc_prefix", "", "")
	flags.String("embedding_model_name", "", "")
	flags.Bool("quiet", false, "")
	markReference(flags, "device", "embedding_model_name")
	return flags
}

func TestExpandFlags(t *testing.T) {
	for line, want := range map[string]string{
		"--device cpu":                "--device=cpu",
		"--device=cpu":                "--device=cpu",
		"--d cpu --doc_e=x":           "--device=cpu --doc_embeddings=x",
		"--emb= --quiet":              "--embedding_model_name= --quiet=true",
		"--device -1 --device -":      "--device=-1 --device=-",
		"--device a=b -h x":           "--device=a=b -h x",
		"--device=a -- --device":      "--device=a -- --device",
		"--device":                    "error: --device needs a value",
		"--device --quiet":            "error: --device needs a value",
		"--device -x":                 "error: --device needs a value",
		"--doc x":                     "error: --doc is short for several flags: --doc_embeddings, --doc_prefix",
		"--foo 1":                     "error: unknown flag --foo",
		"--device_ x":                 "error: unknown flag --device_",
		"--embedding_model_name -1.5": "--embedding_model_name=-1.5",
	} {
		got, err := expandFlags(testFlags(), strings.Fields(line))
		text := strings.Join(got, " ")
		if err != nil {
			text = "error: " + err.Error()
		}
		if text != want {
			t.Errorf("%s\n gives %s\n  want %s", line, text, want)
		}
	}
	got, _ := expandFlags(testFlags(), []string{"--device", "-a b"})
	if want := []string{"--device=-a b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("a value with a space: %q", got)
	}
}

func TestPythonNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-0.0": 0, " 0.5\n": 0.5, "1e9": 1e9, "1_0": 10, "1_0_0.2_5": 100.25, ".5": .5, "5.": 5, "+1": 1,
		"inf": math.Inf(1), "-Infinity": math.Inf(-1), "1e999": math.Inf(1),
	} {
		var f pyFloat
		if err := f.Set(text); err != nil || float64(f) != want {
			t.Errorf("float(%q) is %v, %v", text, f, err)
		}
	}
	for _, text := range []string{"", " ", "abc", "0x1", "1__0", "_1", "1_", "1,5", "0x1p3", "1 0"} {
		var f pyFloat
		if err := f.Set(text); err == nil {
			t.Errorf("float(%q) is %v", text, f)
		}
	}
	for text, want := range map[string]int{"64": 64, " 007 ": 7, "-1": -1, "1_000": 1000, "99999999999999999999": math.MaxInt, "-99999999999999999999": math.MinInt} {
		var n pyInt
		if err := n.Set(text); err != nil || int(n) != want {
			t.Errorf("int(%q) is %v, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "x", "1.5", "1e3", "0x10"} {
		var n pyInt
		if err := n.Set(text); err == nil {
			t.Errorf("int(%q) is %v", text, n)
		}
	}
}
