package embed

import "errors"

// ErrClosed is returned when an Encoder is used after its Close.
var ErrClosed = errors.New("the encoder is closed")
