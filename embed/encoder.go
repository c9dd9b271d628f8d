package embed

import "context"

// An Encoder turns texts into embeddings of unit length. A text's embedding
// does not depend on the texts it is encoded with. An Encoder may be used by
// several goroutines at once.
type Encoder interface {
	// Encode returns one vector of unit length for each text, in order. The
	// rows may share one backing array; the caller owns them.
	Encode(ctx context.Context, texts []string) ([][]float32, error)

	// Dim is the length of a vector; 0 while it is not known yet (a server
	// that has not answered).
	Dim() int

	// Close frees what the encoder holds (mapped files, connections).
	Close() error
}
