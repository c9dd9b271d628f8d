package model

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspectSAE(t *testing.T) {
	d, err := Inspect(tiny + "/good/sae_legacy_nested_float16.pt")
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != KindSAE || d.Format != "torch legacy" || d.DType != "float16" || d.Dim != 24 || d.Features != 96 ||
		*d.K != 5 || *d.Threshold < 0.35 || d.Parameters != 2*24*96+24+96 || len(d.Tensors) != 6 ||
		d.Fingerprint != mustSAE(t, d.Path, 0).Fingerprint() {
		t.Errorf("%+v", d)
	}
}

func TestInspectWithoutK(t *testing.T) {
	for name, reason := range map[string]string{
		"missing_k.pt":               "the file has no k",
		"missing_k_and_threshold.pt": "the file has no k",
		"missing_threshold.pt":       "the file has no threshold",
	} {
		d, err := Inspect(filepath.Join(tiny, "bad", name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if d.NoFingerprint != reason || strings.Contains(string(b), `"fingerprint"`) ||
			strings.Contains(string(b), `"k":`) != (d.K != nil) {
			t.Errorf("%s: %s", name, b)
		}
	}
}

// TestInspectRefuses checks that all other bad files are errors, with the
// message that reading them gives.
func TestInspectRefuses(t *testing.T) {
	for _, bad := range badFiles {
		path := filepath.Join(tiny, "bad", bad.name)
		_, err := Inspect(path)
		switch bad.name {
		case "missing_k.pt", "missing_k_and_threshold.pt", "missing_threshold.pt":
			if err != nil {
				t.Error(err)
			}
		case "prefix_model.pt", "prefix_orig_mod_module.pt":
			if err == nil || !strings.Contains(err.Error(), "is neither an SAE nor an internalizer; its keys are ") {
				t.Errorf("%s: %v", bad.name, err)
			}
		default:
			if err == nil || strings.Replace(err.Error(), path, "FILE", 1) != bad.message {
				t.Errorf("%s: %v", bad.name, err)
			}
		}
	}
}

func TestInspectFolder(t *testing.T) {
	d, err := Inspect(tiny + "/internalizers")
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind != KindInternalizers || d.Dim != 24 || len(d.Parts) != 3 || d.Fingerprint != "" || d.Parts[2].View != Purpose ||
		d.NoFingerprint != "a model has one SAE, the folder has none" {
		t.Errorf("%+v", d)
	}

	dir := t.TempDir()
	for _, view := range InternalizerViews() {
		name := "/model_" + string(view) + ".pt"
		copyFile(t, "internalizers"+name, dir+name)
	}
	copyFile(t, "good/sae_plain.pt", dir+"/sae.pt")
	if d, err = Inspect(dir); err != nil {
		t.Fatal(err)
	}
	in, err := ReadInternalizers(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := Fingerprint(in, mustSAE(t, dir+"/sae.pt", 0)); d.Kind != KindModel || d.Fingerprint != want || len(d.Parts) != 4 {
		t.Errorf("%+v", d)
	}

	copyFile(t, "bad/missing_k.pt", dir+"/sae.pt")
	if d, err = Inspect(dir); err != nil || d.Fingerprint != "" || d.NoFingerprint != "the file has no k" {
		t.Errorf("%+v, %v", d, err)
	}
	copyFile(t, "good/sae_tied.pt", dir+"/tied.pt")
	if d, err = Inspect(dir); err != nil || d.NoFingerprint != "a model has one SAE, the folder has several" {
		t.Errorf("%+v, %v", d, err)
	}
	copyFile(t, "internalizers/model_qa.pt", dir+"/tied.pt")
	if _, err = Inspect(dir); err == nil {
		t.Error("a stray internalizer is no error")
	}
	if _, err = Inspect(dir + "/none"); err == nil {
		t.Error("a missing file is no error")
	}
}
