// Package blob packs a topology's folder into one reproducible piece, checks
// pieces that others packed, and unpacks them.
//
// The form is a tar archive, compressed by zstd: regular files, folders and
// symbolic links that stay inside, sorted by name, without owners and times, so
// that the same folder always gives the same bytes and the same [Hash]. Only
// permission bits are kept, and none of those that change users.
//
// What is unpacked may come from a stranger. Everything is bounded by [Limits],
// and nothing is written outside the target folder.
package blob

import "fmt"

// Limits bound packed code. The zero value allows nothing: see [DefaultLimits].
type Limits struct {
	Packed   int64 // bytes as they travel
	Unpacked int64 // bytes of all files
	Files    int   // files, folders and links
}

// DefaultLimits returns what clusters allow unless they are told otherwise.
func DefaultLimits() Limits {
	return Limits{Packed: 16 << 20, Unpacked: 512 << 20, Files: 50_000}
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
