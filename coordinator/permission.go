package coordinator

import (
	"crypto/sha1" //nolint:gosec // ZooKeeper's digest scheme is defined with it
	"encoding/base64"
	"fmt"
	"log/slog"
)

// Permission grants rights on a node to an identity. CreateChild and
// DeleteChild speak of the node's children, as in ZooKeeper.
type Permission struct {
	Rights   Rights
	Identity string // World, or what Credential.Identity returns
}

// Rights is a set of permissions, with ZooKeeper's bits.
type Rights uint8

// The rights.
const (
	Read        Rights = 1 << iota // the data and the names of the children; also needed by Check and Watch
	Write                          // the data
	CreateChild                    // nodes below this one
	DeleteChild
	Admin // the ACL itself
	All   = Read | Write | CreateChild | DeleteChild | Admin
)

// World is the identity of everybody, authenticated or not.
const World = "world"

// Credential proves an identity to the coordinator. It travels as plain text:
// use TLS beyond loopback. It never prints its secret.
type Credential struct {
	User   string // must not be empty or hold a colon
	Secret string
}

// Identity returns what a [Permission] names: the user and a digest of the
// credential, as ZooKeeper's DigestAuthenticationProvider computes it. It may
// be published.
func (c Credential) Identity() string {
	sum := sha1.Sum([]byte(c.User + ":" + c.Secret)) //nolint:gosec // see the import
	return "digest:" + c.User + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// Format implements [fmt.Formatter] for every verb, so that no format shows
// the secret.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%s:(secret)", c.User) }

// MarshalText implements [encoding.TextMarshaler], for JSON and its like.
func (c Credential) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(c)), nil }

// LogValue implements [slog.LogValuer].
func (c Credential) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }
