package embed

import "testing"

func TestParseEndpoint(t *testing.T) {
	for _, test := range []struct {
		server   string
		protocol Protocol
		want     string
	}{
		{"http://a", TEI, "http://a/embed"},
		{"http://a/", TEI, "http://a/embed"},
		{"http://a/tei/embed", TEI, "http://a/tei/embed"},
		{"http://a:11434", Ollama, "http://a:11434/api/embed"},
		{"http://a/api/", Ollama, "http://a/api/embed"},
		{"https://a", OpenAI, "https://a/v1/embeddings"},
		{"https://a/v1", OpenAI, "https://a/v1/embeddings"},
		{"https://a/x/v1/", OpenAI, "https://a/x/v1/embeddings"},
		{"https://a/v1/embeddings", OpenAI, "https://a/v1/embeddings"},
		{"https://u:p@a/v1?q=1#f", OpenAI, "https://u:p@a/v1/embeddings?q=1"},
	} {
		u, err := parseEndpoint(test.server, wires[test.protocol].path)
		if err != nil || u.String() != test.want {
			t.Errorf("%s: %v, %v, want %s", test.server, u, err, test.want)
		}
	}
}

// FuzzAnswer reads arbitrary answers: an error or unit vectors, never a panic.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`[[1,0],[0.5,-1e-3]]`))
	f.Add([]byte(`{"embeddings":[[1,0],[0,1]]}`))
	f.Add([]byte(`{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[2]}]}`))
	f.Add([]byte(`[[1,", ,"],[[],null]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for protocol, w := range wires {
			answer, err := w.answer(body, 2)
			if err != nil {
				continue
			}
			out := make([][]float32, 2)
			dim, err := unitVectors(answer, 0, 0, out)
			if err != nil {
				continue
			}
			for i, v := range out {
				var sum float64
				for _, x := range v {
					sum += float64(x) * float64(x)
				}
				if len(v) != dim || sum < 1-1e-3 || sum > 1+1e-3 {
					t.Errorf("%s: text %d: %d components of %d, square %v", protocol, i, len(v), dim, sum)
				}
			}
		}
	})
}
