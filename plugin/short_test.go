//go:build !slow

package plugin

import "time"

// Limits of the tests that can run for ever; see long_test.go.
const (
	stressFor = 2 * time.Second
	kills     = 4
)
