package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
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
			return writeVectors(env.WorkDir)
		},
	})
}

// writeVectors writes embeddings of 24 numbers into a folder: two queries, 200
// rows to train on, and some with a flaw in one row.
func writeVectors(folder string) error {
	rows := func(n int) [][]float32 {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = make([]float32, 24)
			for j := range rows[i] {
				rows[i][j] = float32(random.NormFloat64())
			}
		}
		return rows
	}
	zero := rows(9)
	clear(zero[5])
	var errs []error
	for name, rows := range map[string][][]float32{"queries.npy": rows(2), "train.npy": rows(200), "zero.npy": zero, "nan.npy": rows(9)} {
		var file bytes.Buffer
		errs = append(errs, npy.Write(&file, rows))
		if name == "nan.npy" { // npy.Write refuses to write one
			binary.LittleEndian.PutUint32(file.Bytes()[file.Len()-4*24*9+4*(3*24+2):], math.Float32bits(float32(math.NaN())))
		}
		errs = append(errs, os.WriteFile(filepath.Join(folder, name), file.Bytes(), 0o666))
	}
	return errors.Join(errs...)
}
