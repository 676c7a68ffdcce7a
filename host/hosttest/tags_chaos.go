//go:build chaos

package hosttest

// buildTags are those that the polybolt of the tests is built with: this one
// can be told to panic.
const buildTags = "chaos"
