// Package corpus reads documents and queries in the forms that people of the
// field bring them, and writes rankings in the form they take away.
//
// Documents and queries are JSON lines, plain or compressed (.gz), from a file
// or standard input ("-"), or in a BEIR folder (corpus.jsonl, queries.jsonl).
// A line is an object with an id ("_id", else "id"; a string or a number), a
// "text", perhaps a "title"; its other fields are kept as they are. Rankings
// are TREC runs.
//
// Errors name file and line.
package corpus
