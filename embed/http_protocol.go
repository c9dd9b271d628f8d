package embed

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/steersight/steersight/internal/post"
)

// A Protocol is the way an embedding server is talked to.
type Protocol string

// The protocols that [OpenServer] speaks.
const (
	// TEI is that of Hugging Face's text-embeddings-inference: POST /embed.
	// https://huggingface.github.io/text-embeddings-inference/
	TEI Protocol = "tei"

	// Ollama is that of Ollama: POST /api/embed.
	// https://docs.ollama.com/api/embed
	Ollama Protocol = "ollama"

	// OpenAI is that of OpenAI and of the many servers that imitate it:
	// POST /v1/embeddings.
	// https://platform.openai.com/docs/api-reference/embeddings
	OpenAI Protocol = "openai"
)

// A wire is a protocol in bytes.
type wire struct {
	// path is where the endpoint is. A URL may end in a part of it already.
	path string

	// request returns what is sent as JSON.
	request func(model string, texts []string) any

	// answer takes n vectors, still JSON, out of what came back, in the order
	// of the texts.
	answer func(body []byte, n int) ([]json.RawMessage, error)
}

var wires = map[Protocol]wire{
	TEI:    {"/embed", teiRequest, teiAnswer},
	Ollama: {"/api/embed", ollamaRequest, ollamaAnswer},
	OpenAI: {"/v1/embeddings", openAIRequest, openAIAnswer},
}

func teiRequest(_ string, texts []string) any {
	return struct {
		Inputs    []string `json:"inputs"`
		Normalize bool     `json:"normalize"`
		Truncate  bool     `json:"truncate"`
	}{texts, true, true}
}

func teiAnswer(body []byte, n int) ([]json.RawMessage, error) {
	var vectors []json.RawMessage
	if err := post.Decode(body, &vectors); err != nil {
		return nil, err
	}
	return vectors, checkCount(len(vectors), n)
}

func ollamaRequest(model string, texts []string) any {
	return struct {
		Model    string   `json:"model"`
		Input    []string `json:"input"`
		Truncate bool     `json:"truncate"`
	}{model, texts, true}
}

func ollamaAnswer(body []byte, n int) ([]json.RawMessage, error) {
	var answer struct {
		Embeddings []json.RawMessage `json:"embeddings"`
	}
	if err := post.Decode(body, &answer); err != nil {
		return nil, err
	}
	return answer.Embeddings, checkCount(len(answer.Embeddings), n)
}

func openAIRequest(model string, texts []string) any {
	return struct {
		Model    string   `json:"model"`
		Input    []string `json:"input"`
		Encoding string   `json:"encoding_format"`
	}{model, texts, "float"}
}

// openAIAnswer orders the vectors by their index, which servers are free to
// send in any order; each index must be there once.
func openAIAnswer(body []byte, n int) ([]json.RawMessage, error) {
	var answer struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
	}
	if err := post.Decode(body, &answer); err != nil {
		return nil, err
	}
	if err := checkCount(len(answer.Data), n); err != nil {
		return nil, err
	}
	vectors := make([]json.RawMessage, n)
	for _, item := range answer.Data {
		switch {
		case item.Index == nil:
			return nil, errors.New("a vector without index")
		case *item.Index < 0 || *item.Index >= n:
			return nil, fmt.Errorf("index %d for %d texts", *item.Index, n)
		case vectors[*item.Index] != nil:
			return nil, fmt.Errorf("index %d twice", *item.Index)
		case item.Embedding == nil:
			return nil, fmt.Errorf("index %d without embedding", *item.Index)
		}
		vectors[*item.Index] = item.Embedding
	}
	return vectors, nil
}

func checkCount(have, want int) error {
	if have != want {
		return fmt.Errorf("%d vectors for %d texts", have, want)
	}
	return nil
}
