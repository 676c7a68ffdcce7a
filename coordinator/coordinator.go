// Package coordinator is the one place where nimbus, supervisors and workers
// meet: a tree of small versioned nodes, with sessions, ephemeral nodes,
// atomic multi-node changes and watches. It knows nothing of topologies.
//
// coordinator/zk is the only client. It talks to a real ZooKeeper, or to
// coordinator/embedded, which serves the part of ZooKeeper's wire protocol
// that the client uses. coordinatortest holds the suite that both pass.
package coordinator

import (
	"context"
	"errors"
	"time"
)

// Store is a session with the coordinator. All methods may be called
// concurrently. Paths are absolute, below the root that the store was opened
// with, and never end in a slash, but for "/" itself.
//
// Every method returns [ErrClosed] after Close, and an error that wraps
// [ErrUnavailable] when the coordinator could not be asked in time: then a
// read did not happen, and a change may or may not have happened. Apply
// resolves that doubt where it can.
//
// What a store has once seen it does not unsee: reads never go back in time,
// and after a reconnect they show all that was committed before it. Two stores
// may see a change at different moments; a change made through a store shows
// it everything that was committed earlier.
type Store interface {
	// Get reads a node. A missing one is [ErrNoNode].
	Get(ctx context.Context, path string) (Node, error)

	// Children lists the names (not the paths) of a node's children, sorted.
	// A missing node is [ErrNoNode].
	Children(ctx context.Context, path string) ([]string, error)

	// Apply makes all changes or none. The error of the first op that does
	// not hold is returned as an [*OpError]: [ErrNoNode], [ErrExists],
	// [ErrVersion], [ErrNotEmpty], [ErrDenied] or [ErrEphemeralParent]. Ops
	// that are too large together are [ErrTooLarge] and are not sent.
	//
	// When the connection breaks before the answer, Apply looks, after the
	// reconnect, for what the ops would have left: a created node or new data
	// that is younger than the request. If that is there it returns nil, if
	// it cannot be there it asks again, and otherwise the doubt stays and is
	// [ErrUnavailable]; ops that only delete and check always leave it. Two
	// stores that write the very same data in the same moment may both be
	// told that they did it: where it matters who did, put the writer's name
	// into the data.
	Apply(ctx context.Context, ops ...Op) error

	// Watch returns a channel of capacity one that receives whenever the
	// node's data, its existence or its list of children may have changed
	// since the last receive, and once at the start. It is level triggered:
	// read again after each receive. Losing the connection, regaining it, and
	// a new session count as changes. The channel is never closed; it falls
	// silent when ctx ends. A node that the store may not read is silent too.
	// Watching is cheap but not free: watch few nodes.
	Watch(ctx context.Context, path string) <-chan struct{}

	// Session tells what is known of the session now.
	Session() Session

	// Close ends the session; its ephemeral nodes go at once.
	Close() error
}

// Node is a node's data at one version.
type Node struct {
	Data      []byte
	Version   int32 // counts the changes of Data from 0
	Ephemeral int64 // the session that owns it, 0 if none does
	Created   int64 // the transaction that created it: grows over the whole tree, differs when a node was made anew
}

// Session is a snapshot of a store's connection.
type Session struct {
	ID        int64         // 0 before the first connection; changes when a session expired and a new one began
	Connected bool          // requests can be answered now
	Trusted   bool          // TrustedUntil has not passed: the session cannot have expired yet, by our own clock, and a leader may act
	Timeout   time.Duration // as granted by the server, which may differ from what was asked

	// TrustedUntil is ⅔ of Timeout after the sending of the last request that
	// the server has answered. It moves on by itself while connected.
	TrustedUntil time.Time

	// Since is when the present connection was made, or the last one ended.
	Since time.Time

	Server string // that it is connected to; empty while it is not
	Err    error  // why it is not, as far as is known
}

// Settled tells whether a missing ephemeral may be believed to be missing: the
// store has been connected for a whole session timeout, so that its owner had
// the time to come back too. A coordinator that was away for long looks as if
// everybody had died.
func (s Session) Settled(now time.Time) bool {
	return s.Connected && !now.Before(s.Since.Add(s.Timeout))
}

// Op is one change, or one condition, of an Apply. Make it with Create,
// CreateEphemeral, Set, Delete or Check.
type Op struct {
	Kind    OpKind
	Path    string
	Data    []byte
	Version int32 // of Set, Delete and Check; AnyVersion matches all
	ACL     []Permission
}

// OpKind enumerates the changes.
type OpKind uint8

// The kinds of Op.
const (
	OpCreate OpKind = iota
	OpCreateEphemeral
	OpSet
	OpDelete
	OpCheck
)

// AnyVersion matches every version of a node.
const AnyVersion int32 = -1

// Create makes a node that stays until it is deleted. Its parent must exist.
// Without an acl it inherits what the store was opened with.
func Create(path string, data []byte, acl ...Permission) Op {
	return Op{Kind: OpCreate, Path: path, Data: data, ACL: acl}
}

// CreateEphemeral makes a node that goes with this session. It has no children.
func CreateEphemeral(path string, data []byte, acl ...Permission) Op {
	return Op{Kind: OpCreateEphemeral, Path: path, Data: data, ACL: acl}
}

// Set replaces a node's data.
func Set(path string, data []byte, version int32) Op {
	return Op{Kind: OpSet, Path: path, Data: data, Version: version}
}

// Delete removes a node without children.
func Delete(path string, version int32) Op {
	return Op{Kind: OpDelete, Path: path, Version: version}
}

// Check holds if the node exists and has that version.
func Check(path string, version int32) Op {
	return Op{Kind: OpCheck, Path: path, Version: version}
}

// MaxPacket bounds what one Apply sends, data, paths and ACLs together, in
// bytes: ZooKeeper's jute.maxbuffer, 1 MiB − 1. A node cannot be larger.
const MaxPacket = 0xfffff

// The errors of a Store. All but ErrUnavailable are definite: nothing was changed.
var (
	ErrNoNode          = errors.New("no such node")
	ErrExists          = errors.New("node exists")
	ErrVersion         = errors.New("node has another version")
	ErrNotEmpty        = errors.New("node has children")
	ErrDenied          = errors.New("not permitted")
	ErrEphemeralParent = errors.New("parent is ephemeral and cannot have children")
	ErrTooLarge        = errors.New("too large for the coordinator")
	ErrInvalid         = errors.New("invalid request") // a malformed path or ACL: a defect of the caller
	ErrUnavailable     = errors.New("coordinator unavailable")
	ErrClosed          = errors.New("store is closed")
)

// OpError says which op of an Apply did not hold.
type OpError struct {
	Index int // of the op
	Path  string
	Err   error // one of the errors above
}

// Error names the path and what did not hold.
func (e *OpError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }
