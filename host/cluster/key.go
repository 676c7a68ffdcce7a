package cluster

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// keySize is the length of a key and of what derives from it, in bytes.
const keySize = 32

// keyPrefix begins a key in writing: it says what the rest is for, and in which form.
const keyPrefix = "polybolt-cluster-key-1:"

// Key is the one secret of a cluster. Whoever has it can be any daemon and any
// worker. All that needs a secret derives from it, by HKDF with SHA-256 (RFC
// 5869), so that nothing else has to be handed out or kept: two daemons with
// the same key agree on everything. It never prints itself.
type Key struct{ secret []byte }

// NewKey makes a key.
func NewKey() *Key {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return &Key{secret}
}

// ParseKey reads what [Key.Text] returns; white space around it does not matter.
func ParseKey(text []byte) (*Key, error) {
	rest, found := strings.CutPrefix(strings.TrimSpace(string(text)), keyPrefix)
	if !found {
		return nil, errors.New("it is no key of a cluster: make one with: polybolt doctor --new-key FILE")
	}
	secret, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil || len(secret) != keySize {
		return nil, errors.New("the key of the cluster is damaged: copy it from another machine once more")
	}
	return &Key{secret}, nil
}

// Text returns the key in writing.
func (k *Key) Text() string { return keyPrefix + base64.RawURLEncoding.EncodeToString(k.secret) }

// Format implements [fmt.Formatter] for every verb, so that no format shows the secret.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "(cluster key)") }

// derive returns the secret for a purpose. The purposes are part of the
// contract between releases: see the frozen values in the tests.
func (k *Key) derive(purpose string) []byte {
	secret, err := hkdf.Key(sha256.New, k.secret, nil, "polybolt cluster 1\x00"+purpose, keySize)
	if err != nil {
		panic(err) // only for lengths over 8160 bytes
	}
	return secret
}

// login derives an identity in the coordinator.
func (k *Key) login(user string) Login {
	return Login{User: user, Secret: hex.EncodeToString(k.derive("coordinator " + user))}
}

// daemons is the identity of nimbuses, supervisors and log servers.
func (k *Key) daemons() Login { return k.login("daemons") }

// reader is the identity of all workers of a topology: what they all may read.
func (k *Key) reader(name topology.Name) Login { return k.login("topology." + string(name)) }

// writer is the identity of the workers of a run in one place.
func (k *Key) writer(id RunID, p Place) Login {
	return k.login("worker." + id.String() + "." + p.String())
}

// Credentials are what a daemon proves to the coordinator.
func (k *Key) Credentials() []coordinator.Credential {
	return []coordinator.Credential{k.daemons().credential()}
}

// ACL is that of nodes which a daemon makes, but for those of a worker's: no
// one else may even read them.
func (k *Key) ACL() []coordinator.Permission {
	return []coordinator.Permission{{Rights: coordinator.All, Identity: k.daemons().identity()}}
}

// Access returns what a worker is to be given.
func (k *Key) Access(id RunID, p Place) *Access {
	return &Access{
		Daemons: k.daemons().identity(),
		Reader:  k.reader(id.Topology),
		Writer:  k.writer(id, p),
		Links:   k.derive("links " + string(id.Topology)),
	}
}

// Login is an identity in the coordinator, with its secret.
type Login struct {
	User   string `json:"user"`
	Secret string `json:"secret"`
}

func (l Login) credential() coordinator.Credential {
	return coordinator.Credential{User: l.User, Secret: l.Secret}
}

// identity is what an ACL names; it may be published.
func (l Login) identity() string { return l.credential().Identity() }

// Format implements [fmt.Formatter] for every verb, so that no format shows the secret.
func (l Login) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%s:(secret)", l.User) }

// Access is what one worker gets of its cluster's key: what it may read, what
// it may write, and the secret of its topology's links. It travels in a file
// that only the worker's user can read.
type Access struct {
	Daemons string `json:"daemons"` // whom the nodes that the worker makes belong to as well: no secret
	Reader  Login  `json:"reader"`
	Writer  Login  `json:"writer"`
	Links   []byte `json:"links"`
}

// Credentials are what the worker proves to the coordinator.
func (a *Access) Credentials() []coordinator.Credential {
	return []coordinator.Credential{a.Reader.credential(), a.Writer.credential()}
}

// ACL is that of the nodes which the worker makes.
func (a *Access) ACL() []coordinator.Permission {
	return []coordinator.Permission{{Rights: coordinator.All, Identity: a.Daemons}, {Rights: coordinator.All, Identity: a.Writer.identity()}}
}

// Format implements [fmt.Formatter] for every verb, so that no format shows a secret.
func (a *Access) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "(access of %s)", a.Writer.User) }
