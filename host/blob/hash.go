package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Hash names packed code by its contents: the SHA-256 in lower-case hexadecimal.
type Hash string

// HashOf returns the name of packed code.
func HashOf(packed []byte) Hash {
	sum := sha256.Sum256(packed)
	return Hash(hex.EncodeToString(sum[:]))
}

// Validate returns an error unless the hash has its form: it becomes a file's
// name, and a node's.
func (h Hash) Validate() error {
	if len(h) != 2*sha256.Size || strings.Trim(string(h), "0123456789abcdef") != "" {
		return fmt.Errorf("%.80q is not a SHA-256 in lower-case hexadecimal", string(h))
	}
	return nil
}

// Short returns the first digits, for people.
func (h Hash) Short() string { return string(h[:min(len(h), 12)]) }
