package model

import "testing"

// The canonical form must not change without a new version in its first line.
func TestFingerprintsStay(t *testing.T) {
	in, err := ReadInternalizers(tiny + "/internalizers")
	if err != nil {
		t.Fatal(err)
	}
	s := mustSAE(t, tiny+"/good/sae_plain.pt", 0)
	for name, c := range map[string][2]string{
		"sae":          {s.Fingerprint(), "46d55959"},
		"internalizer": {in[0].Fingerprint(), "3b02074a"},
		"model":        {Fingerprint(in, s), "79af392f"},
	} {
		if got, want := c[0], c[1]; len(got) != 64 || got[:8] != want {
			t.Errorf("%s: %s, want %s…", name, got, want)
		}
	}
}

// TestFingerprintSees changes one thing at a time.
func TestFingerprintSees(t *testing.T) {
	seen := map[string]string{}
	add := func(name, fingerprint string) {
		if other, ok := seen[fingerprint]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[fingerprint] = name
	}
	for name, change := range map[string]func(*SAE){
		"nothing":       func(*SAE) {},
		"k":             func(s *SAE) { s.K++ },
		"threshold":     func(s *SAE) { s.Threshold = NoThreshold },
		"encoder":       func(s *SAE) { s.EncoderWeight[7] += 1e-3 },
		"bias":          func(s *SAE) { s.EncoderBias[0] += 1e-3 },
		"decoder":       func(s *SAE) { s.Decoder[0] += 1e-3 },
		"decoder bias":  func(s *SAE) { s.DecoderBias[0] += 1e-3 },
		"shape":         func(s *SAE) { s.Dim, s.Features = s.Features, s.Dim },
		"decoder order": func(s *SAE) { s.Decoder[0], s.Decoder[1] = s.Decoder[1], s.Decoder[0] },
	} {
		s := mustSAE(t, tiny+"/good/sae_plain.pt", 0)
		change(s)
		add(name, s.Fingerprint())
	}
	in, err := ReadInternalizers(tiny + "/internalizers")
	if err != nil {
		t.Fatal(err)
	}
	s := mustSAE(t, tiny+"/good/sae_plain.pt", 0)
	add("model", Fingerprint(in, s))
	in[0], in[1] = in[1], in[0]
	add("swapped", Fingerprint(in, s))
	for i, r := range in {
		add(string(InternalizerViews()[i]), r.Fingerprint())
	}
}
