package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/steersight/steersight/internal/fixtures"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"steersight": main})
}

// TestScripts runs the program as a user would. $DATA is the repository's
// testdata folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", fixtures.Path())
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("HF_HOME", env.WorkDir)
			os.Unsetenv("HF_HUB_CACHE")
			return nil
		},
	})
}
