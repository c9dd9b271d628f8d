package post

import "testing"

func TestParseEndpoint(t *testing.T) {
	for _, test := range []struct {
		server, path string
		want         string
	}{
		{"http://a", "/embed", "http://a/embed"},
		{"http://a/", "/embed", "http://a/embed"},
		{"http://a/tei/embed", "/embed", "http://a/tei/embed"},
		{"http://a:11434", "/api/embed", "http://a:11434/api/embed"},
		{"http://a/api/", "/api/embed", "http://a/api/embed"},
		{"https://a", "/v1/embeddings", "https://a/v1/embeddings"},
		{"https://a/v1", "/v1/embeddings", "https://a/v1/embeddings"},
		{"https://a/x/v1/", "/v1/embeddings", "https://a/x/v1/embeddings"},
		{"https://a/v1/embeddings", "/v1/embeddings", "https://a/v1/embeddings"},
		{"https://a/v1", "/v1/chat/completions", "https://a/v1/chat/completions"},
		{"https://a/v1/chat/completions", "/v1/chat/completions", "https://a/v1/chat/completions"},
		{"https://u:p@a/v1?q=1#f", "/v1/embeddings", "https://u:p@a/v1/embeddings?q=1"},
	} {
		u, err := parseEndpoint(test.server, test.path)
		if err != nil || u.String() != test.want {
			t.Errorf("%s: %v, %v, want %s", test.server, u, err, test.want)
		}
	}
}
