// Package pyjson reads and writes JSON the way Python's json module does, so
// that a value that passes through Steersight leaves as it would leave the
// reference program: json.loads on the way in, json.dumps(ensure_ascii=False)
// on the way out.
//
// It differs from encoding/json where Python does: the literals NaN, Infinity
// and -Infinity are numbers; integers keep all their digits; floats are
// printed as Python's repr prints them; objects keep the order of their keys,
// and of a repeated key the last value counts; separators are ", " and ": ".
//
// Python strings can hold half of a surrogate pair ("\ud800"), which has no
// UTF-8 form. Parse accepts one, since the field it stands in may not matter,
// and Append and Text refuse it.
package pyjson
