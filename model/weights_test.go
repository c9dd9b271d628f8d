package model

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/checkpoint"
)

// tinyEntries is an internalizer of width 2 over 3 dimensions.
func tinyEntries() []checkpoint.Entry {
	return []checkpoint.Entry{
		{Name: "net.0.weight", Shape: []int{2, 3}, Float32: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "net.0.bias", Shape: []int{2}, Float32: []float32{1, 2}},
		{Name: "net.2.weight", Shape: []int{3, 2}, Float32: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "net.2.bias", Shape: []int{3}, Float32: []float32{1, 2, 3}},
	}
}

func TestReadInternalizerMessages(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		change  func(e []checkpoint.Entry) []checkpoint.Entry
		message string
	}{
		{func(e []checkpoint.Entry) []checkpoint.Entry { return e }, ""},
		{func(e []checkpoint.Entry) []checkpoint.Entry { e[0].Name = "module._orig_mod.net.0.weight"; return e }, ""},
		{func(e []checkpoint.Entry) []checkpoint.Entry { e[0].Name = "module.module.net.0.weight"; return e },
			"has no net.0.weight; its keys are module.module.net.0.weight, net.0.bias, net.2.weight, net.2.bias"},
		{func(e []checkpoint.Entry) []checkpoint.Entry {
			return append(e, checkpoint.Entry{Name: "module.net.2.bias", Shape: []int{1}, Float32: []float32{1}})
		}, "net.2.bias: is there twice, under different prefixes"},
		{func(e []checkpoint.Entry) []checkpoint.Entry {
			return append(e, checkpoint.Entry{Name: "new\nline", Shape: []int{1}, Float32: []float32{1}})
		}, `has an unexpected key "new\nline"`},
		{func(e []checkpoint.Entry) []checkpoint.Entry { e[0].Float32[5] = nan; return e }, "net.0.weight: has a NaN in row 1, column 2"},
		{func(e []checkpoint.Entry) []checkpoint.Entry { e[3].Float32[2] = nan; return e }, "net.2.bias: has a NaN in row 2"},
		{func(e []checkpoint.Entry) []checkpoint.Entry { e[0].Shape = []int{3, 2}; return e }, "net.0.bias: has shape [2], not [3]"},
		{func(e []checkpoint.Entry) []checkpoint.Entry { e[2].Shape = []int{6}; return e }, "net.2.weight: has shape [6], not [3, 2]"},
		{func(e []checkpoint.Entry) []checkpoint.Entry {
			e[0].Shape, e[0].Float32 = []int{2, 0}, []float32{}
			return e
		}, "net.0.weight: has shape [2, 0]: no dim"},
		{func(e []checkpoint.Entry) []checkpoint.Entry { return nil }, "has no net.0.weight; its keys are none"},
	} {
		path := filepath.Join(t.TempDir(), "model_qa.safetensors")
		if err := writeFile(path, c.change(tinyEntries())); err != nil {
			t.Fatal(err)
		}
		_, err := ReadInternalizer(path)
		if c.message == "" && err != nil || c.message != "" && (err == nil || err.Error() != path+": "+c.message) {
			t.Errorf("got %v, want %s", err, c.message)
		}
	}
}

// TestDecoderPlace checks that a number in the decoder is named by its place in
// the file, though it is read the other way round.
func TestDecoderPlace(t *testing.T) {
	s := mustSAE(t, tiny+"/good/sae_plain.pt", 0)
	path := filepath.Join(t.TempDir(), "sae.safetensors")
	if err := WriteSAE(path, s); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// decoder.weight [24, 96] ends before b_dec, k and threshold.
	at := len(b) - 4*(24*96+24+2) + 4*(7*96+41)
	copy(b[at:], "\x00\x00\x80\x7f")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSAE(path, SAEOptions{}); err == nil || !strings.HasSuffix(err.Error(), ": decoder.weight: has an infinity in row 7, column 41") {
		t.Error(err)
	}
}
