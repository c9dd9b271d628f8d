package gpu

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestDevice(t *testing.T) {
	sae := randomSAE(rand.New(rand.NewPCG(1, 1)), 4, 4, 1, "random")
	cuda := "using the cpu"
	if d, err := openCUDA(0, sae, nil); err == nil {
		d.close()
		cuda = ""
	}
	for device, want := range map[string]string{
		"": "", "auto": "", "cpu": "", "cuda": cuda, "cuda:99": "using the cpu",
		"tpu9": "error", "cuda:": "error", "cuda:x": "error", "cpu:0": "", "cpu:": "error", "auto:0": "error", "CUDA": "error", "cuda:-1": "error",
	} {
		var log bytes.Buffer
		_, err := Open(sae, nil, Options{Device: device, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if (err != nil) != (want == "error") {
			t.Errorf("device %q: error %v", device, err)
		}
		if want != "error" && (want == "" && log.Len() > 0 || !strings.Contains(log.String(), want)) {
			t.Errorf("device %q: logged %q", device, log.String())
		}
	}
}
