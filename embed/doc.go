// Package embed turns texts into unit vectors, or reads vectors given.
//
// # Model folders
//
// A Folder runs a sentence encoder from the files that sentence-transformers
// reads: config.json, model.safetensors or pytorch_model.bin, tokenizer.json
// or vocab.txt, modules.json and what that names. It gives the vectors that
// SentenceTransformer(folder).encode(texts, normalize_embeddings=True) of
// version 5.1.0 gives on a CPU, up to the order in which float32 numbers are
// summed (some 1e-7 an element). ResolveFolder finds the folder of a model that
// the hub's own tools have downloaded.
//
// The words used here: a text is cut into tokens by its tokenizer, which knows
// them by id; the window is how many of them count; the model gives each token
// a vector, and the pooling makes one of them all.
//
// # Caveats
//
//   - Only models of type bert with absolute positions, a WordPiece tokenizer
//     and one pooling run; everything else is refused by name when the folder
//     is opened.
//   - The arithmetic is float32 whatever type the weights have.
//   - The weights stay mapped into memory: the files must not change while the
//     Folder is open.
package embed
