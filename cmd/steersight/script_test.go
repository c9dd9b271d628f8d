package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/steersight/steersight/internal/fixtures"
	"github.com/steersight/steersight/internal/npy"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"steersight": main})
}

// TestScripts runs the program as a user would. $DATA is the repository's
// testdata folder, $EMBED package embed's, $CODES a set of sparse codes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", fixtures.Path())
			env.Setenv("EMBED", filepath.Join(fixtures.Root(), "embed", "testdata"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("HF_HOME", env.WorkDir)
			os.Unsetenv("HF_HUB_CACHE")
			codes := filepath.Join(env.WorkDir, ".codes")
			env.Setenv("CODES", codes)
			if err := os.Mkdir(codes, 0o777); err != nil {
				return err
			}
			if err := fixtures.WriteCodes(codes, 500, 30, 60); err != nil {
				return err
			}
			return writeQueries(filepath.Join(env.WorkDir, "queries.npy"))
		},
	})
}

// writeQueries writes two embeddings for the tiny model.
func writeQueries(path string) error {
	rows := make([][]float32, 2)
	for i := range rows {
		rows[i] = make([]float32, 24)
		for j := range rows[i] {
			rows[i][j] = float32((i+j)%5) / 10
		}
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(npy.Write(file, rows), file.Close())
}
