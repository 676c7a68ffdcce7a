package tree

import (
	"crypto/sha1" //nolint:gosec // ZooKeeper's digest scheme is defined with it
	"encoding/base64"
	"slices"
	"strings"

	"github.com/polybolt/polybolt/coordinator"
)

const (
	schemeWorld  = "world"
	schemeDigest = "digest"
	schemeAuth   = "auth" // in a request: whoever makes it
	anyone       = "anyone"

	// What a client proves, and what it asks for, is compared with all else of
	// its kind, while everybody waits: so both are bounded.
	maxProof = 4 << 10 // bytes
	maxACL   = 1000    // entries
)

// ACL grants rights on a node to an identity.
type ACL struct {
	Rights     coordinator.Rights
	Scheme, ID string
}

// Identity is what a client has proven to be.
type Identity struct{ Scheme, ID string }

// Caller is who makes a request. The zero Caller is somebody without a
// session or a proven identity.
type Caller struct {
	Session    int64
	Identities []Identity
}

// Authenticate returns the identity that a proof establishes. Only the digest
// scheme is known, whose proof is "user:secret".
func Authenticate(scheme string, proof []byte) (Identity, error) {
	user, _, ok := strings.Cut(string(proof), ":")
	if scheme != schemeDigest || !ok || user == "" || len(proof) > maxProof {
		return Identity{}, AuthFailed
	}
	sum := sha1.Sum(proof) //nolint:gosec // see the import
	return Identity{schemeDigest, user + ":" + base64.StdEncoding.EncodeToString(sum[:])}, nil
}

// may tells whether the caller has a right.
func (c Caller) may(right coordinator.Rights, acl []ACL) bool {
	return slices.ContainsFunc(acl, func(a ACL) bool {
		return a.Rights&right != 0 &&
			(a.Scheme == schemeWorld || slices.Contains(c.Identities, Identity{a.Scheme, a.ID}))
	})
}

// MayRead tells whether an event is for the caller.
func (c Caller) MayRead(e Event) bool { return c.may(coordinator.Read, e.acl) }

// resolve checks a requested ACL and replaces "auth" by the caller's
// identities.
func (c Caller) resolve(acl []ACL) ([]ACL, error) {
	if len(acl) > maxACL {
		return nil, InvalidACL
	}
	var out []ACL
	add := func(a ACL) {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, a := range acl {
		switch a.Scheme {
		case schemeWorld:
			if a.ID != anyone {
				return nil, InvalidACL
			}
			add(a)
		case schemeDigest:
			if user, hash, ok := strings.Cut(a.ID, ":"); !ok || user == "" || hash == "" || strings.Contains(hash, ":") {
				return nil, InvalidACL
			}
			add(a)
		case schemeAuth:
			if len(c.Identities) == 0 {
				return nil, InvalidACL
			}
			for _, id := range c.Identities {
				add(ACL{a.Rights, id.Scheme, id.ID})
			}
		default:
			return nil, InvalidACL
		}
	}
	if len(out) == 0 {
		return nil, InvalidACL
	}
	return out, nil
}
