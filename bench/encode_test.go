package bench

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestEncode(t *testing.T) {
	s := EncodeSettings{Dim: 40, Features: 200, K: 9, Hidden: 16, Seed: 1, Batch: 20, Rounds: 1, Threads: 2, Device: "cpu"}
	r, err := Encode(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if r.Exact != 3 || r.Checked != 3 || !(r.PairRate > 0 && r.DocumentRate > r.PairRate && r.Views.GFLOPS > 0 && r.Screening.GFLOPS > 0 && r.Deciding.MS > 0) {
		t.Errorf("%+v", r)
	}
	text := prints(t, func(b *bytes.Buffer) error { return r.Print(b) })
	if !strings.Contains(text, "dim 40, 200 features, k 9, hidden 16, random weights of seed 1") || !strings.Contains(text, "3 of 3 codes equal") {
		t.Errorf("printed %s", text)
	}
}

func TestEncodeOfAModel(t *testing.T) {
	s := EncodeSettings{Dim: 8, Features: 40, K: 3, Hidden: 4, Batch: 1, Rounds: 1, Threads: 1}
	s.SAE, s.Internalizers = randomModel(rand.New(rand.NewPCG(3, 4)), &s)
	s.Dim, s.Features, s.K, s.Hidden = 0, 0, 0, 0
	r, err := Encode(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Settings; r.Exact != 1 || got.Dim != 8 || got.Features != 40 || got.K != 3 || got.Hidden != 4 {
		t.Errorf("%+v", r)
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := EncodeSettings{Dim: 8, Features: 40, K: 3, Hidden: 4, Batch: 1, Rounds: 1, Threads: 1}
	for want, change := range map[string]func(*EncodeSettings){
		"dim is 0: must be between 1 and 16777216": func(s *EncodeSettings) { s.Dim = 0 },
		"k is 41: there are 40 features":           func(s *EncodeSettings) { s.K = 41 },
		"hidden is -1: must be between":            func(s *EncodeSettings) { s.Hidden = -1 },
		"device \"tpu\" is not known":              func(s *EncodeSettings) { s.Device = "tpu" },
	} {
		s := good
		change(&s)
		if _, err := Encode(context.Background(), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestEmbed(t *testing.T) {
	s := EmbedSettings{Model: "../embed/testdata/tiny/mean", Texts: 3, Rounds: 1, Threads: 1, Tokens: []int{8, 1000}}
	r, err := Embed(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Lengths) != 2 || r.Lengths[0].Tokens != 8 || r.Lengths[1].Tokens != r.Window || !(r.Lengths[0].TextRate > 0) {
		t.Errorf("%+v", r)
	}
	text := prints(t, func(b *bytes.Buffer) error { return r.Print(b) })
	if !strings.Contains(text, "tokens") {
		t.Errorf("printed %s", text)
	}
	s.Tokens = []int{0}
	if _, err := Embed(context.Background(), s); err == nil {
		t.Error("texts of no tokens are measured")
	}
}
