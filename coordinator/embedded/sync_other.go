//go:build !linux

package embedded

import "os"

// syncData makes a file's content safe.
func syncData(f *os.File) error { return f.Sync() }
