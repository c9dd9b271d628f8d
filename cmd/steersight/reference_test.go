package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/fixtures"
	"github.com/steersight/steersight/internal/lines"
)

// A referenceCase is one run of the reference program.
type referenceCase struct {
	Case     string   `json:"case"`
	Input    string   `json:"input"`
	Args     []string `json:"args"`
	ExitCode int      `json:"exit_code"`
	Output   *string  `json:"output"`
}

// different lists the cases in which we fail on purpose where the reference
// program succeeds, with our message. docs/compatibility.md gives the reasons.
var different = map[string]string{
	"value_types":      `value_types.jsonl:1: field "query" is a number, not a string`,
	"nan_literal_text": `nan_literal_text.jsonl:1: field "query" is a number, not a string`,
	"tau_-1":           "--activation_threshold -1: must be 0 or more, since activations are positive",
	"tau_nan":          "--activation_threshold NaN: must be 0 or more, since activations are positive",
}

// TestReferenceCommandLine runs every recorded command line of the reference
// program and compares exit code and output file.
func TestReferenceCommandLine(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a real encoder many times")
	}
	minilm := fixtures.Model(t, "minilm")
	root := fixtures.More(t, "cli")
	for _, c := range readCases(t, filepath.Join(root, "cases.jsonl")) {
		t.Run(c.Case, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			prepare(t, tmp)
			replace := strings.NewReplacer("<inputs>", filepath.Join(root, "inputs"), "<cli>", root, "<tmp>", tmp,
				"<minilm384>", filepath.Join(filepath.Dir(root), "minilm384"), "<tiny>", filepath.Join(filepath.Dir(root), "tiny"))
			args := []string{"explain"}
			output := ""
			for i, arg := range c.Args {
				arg = replace.Replace(arg)
				switch {
				case i > 0 && c.Args[i-1] == "--embedding_model_name":
					arg = minilm
				case i > 0 && c.Args[i-1] == "--output_jsonl":
					output = arg
				}
				args = append(args, arg)
			}
			checkCase(t, c, args, output)
		})
	}
}

func readCases(t *testing.T, path string) (cases []referenceCase) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for reader := lines.NewReader(file); ; {
		line, err := reader.Next()
		if err != nil {
			break
		}
		var c referenceCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) < 89 {
		t.Fatalf("only %d cases", len(cases))
	}
	return cases
}

// prepare makes what some cases find in their folder.
func prepare(t *testing.T, tmp string) {
	t.Helper()
	qa, err := os.ReadFile(fixtures.Path("minilm384", "internalizers", "model_qa.pt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Mkdir(filepath.Join(tmp, "isdir"), 0o755), os.Mkdir(filepath.Join(tmp, "part"), 0o755),
		os.WriteFile(filepath.Join(tmp, "part", "model_qa.pt"), qa, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func checkCase(t *testing.T, c referenceCase, args []string, output string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr)
	talk := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
	want, message := c.ExitCode, ""
	if text, ok := different[c.Case]; ok {
		want, message = 1, text
	}
	if code != want {
		t.Fatalf("exit code %d, want %d: %s", code, want, stderr.String())
	}
	written, err := os.ReadFile(output)
	if code != 0 {
		if err == nil {
			t.Errorf("a file was written: %.200s", written)
		}
		if len(talk) != code || !strings.HasPrefix(talk[0], "steersight: ") || !strings.HasSuffix(talk[0], message) {
			t.Errorf("error %q, want one line (and a hint on the command line's)", stderr.String())
		}
		return
	}
	if c.Output == nil { // help
		if !strings.Contains(stdout.String(), "--mechanistic_explainer_checkpoint") {
			t.Errorf("no help in %q", stdout.String())
		}
		return
	}
	if err != nil || string(written) != *c.Output {
		t.Errorf("output %v\n%s\nwant\n%s", err, written, *c.Output)
	}
}
