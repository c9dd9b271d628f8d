//go:build slow

package plugin

import "time"

// Limits of the tests that can run for ever: go test -tags slow.
const (
	stressFor = 60 * time.Second
	kills     = 50
)
