//go:build !chaos

package crash

// arm does something only in binaries that are built to be put through faults.
func arm() {}
