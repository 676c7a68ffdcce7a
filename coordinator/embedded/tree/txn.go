package tree

import (
	"fmt"
	"slices"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// Op is one change, or one condition, of a request.
type Op struct {
	Kind    coordinator.OpKind
	Path    string
	Data    []byte // belongs to the tree from now on
	Version int32
	ACL     []ACL
}

// ChangeKind enumerates what happens to a tree.
type ChangeKind uint8

// The kinds of Change. Their numbers are on disk.
const (
	NodeCreated ChangeKind = iota + 1
	NodeSet
	NodeDeleted
	SessionOpened
	SessionClosed // and its ephemerals deleted
)

// Change is one effect. Which fields count depends on its kind.
type Change struct {
	Kind    ChangeKind
	Path    string
	Data    []byte // of a node, or a session's password
	ACL     []ACL
	Session int64 // of an ephemeral: its owner, else 0
	Timeout time.Duration
}

// Txn is a transaction that has happened: its effects, without the conditions.
type Txn struct {
	Zxid    int64
	Time    int64 // milliseconds since 1970
	Changes []Change
}

// EventKind enumerates what a watch reports, with ZooKeeper's numbers.
type EventKind int32

// The kinds of Event.
const (
	EventCreated EventKind = iota + 1
	EventDeleted
	EventChanged
	EventChildren
)

// Event is something that watches may wait for.
type Event struct {
	Kind EventKind
	Path string
	acl  []ACL // who may read the node
}

// Outcome is what a request came to.
type Outcome struct {
	Txn    Txn
	Stats  []Stat // of the nodes after each op; zero for deletes and checks
	Events []Event
}

// OpError says which op of a request does not hold.
type OpError struct {
	Index int
	Code  Code
}

// Error names op and code.
func (e *OpError) Error() string { return fmt.Sprintf("op %d: %v", e.Index, e.Code) }

// Commit makes all ops or, with an error, none. A request without an effect (of
// checks only) makes no transaction: its Txn has no changes.
func (t *Tree) Commit(by Caller, now time.Time, ops []Op) (Outcome, *OpError) {
	out := Outcome{Txn: Txn{Zxid: t.zxid + 1, Time: millis(now)}, Stats: make([]Stat, len(ops))}
	var undo undo
	written := 0
	for i, op := range ops {
		size := t.size
		change, err := t.check(by, op)
		if err == nil && change.Kind != 0 {
			undo = t.remember(undo, change)
			out.Events = append(out.Events, t.apply(change, out.Txn.Zxid, out.Txn.Time)...)
			out.Txn.Changes = append(out.Txn.Changes, change)
			written += change.size()
			if t.size > t.limit && t.size > size || written > MaxTxn {
				err = QuotaExceeded
			}
		}
		if err != nil {
			t.restore(undo)
			return Outcome{}, &OpError{i, err.(Code)} //nolint:errorlint // check returns codes only
		}
		if n := t.nodes[op.Path]; n != nil && change.Kind != 0 {
			out.Stats[i] = n.fullStat()
		}
	}
	if len(out.Txn.Changes) > 0 {
		t.zxid = out.Txn.Zxid
	}
	return out, nil
}

// check returns the effect of an op on the tree as it is now. The order of the
// checks is ZooKeeper's.
func (t *Tree) check(by Caller, op Op) (Change, error) {
	if coordinator.CheckPath(op.Path) != nil {
		return Change{}, BadArguments
	}
	switch op.Kind {
	case coordinator.OpCreate, coordinator.OpCreateEphemeral:
		return t.checkCreate(by, op)
	case coordinator.OpDelete:
		if op.Path == "/" {
			return Change{}, BadArguments
		}
		parent := t.nodes[coordinator.Parent(op.Path)]
		if parent == nil {
			return Change{}, NoNode
		}
		if !by.may(coordinator.DeleteChild, parent.acl) {
			return Change{}, NoAuth
		}
		n, err := t.versioned(op)
		if err == nil && len(n.children) > 0 {
			err = NotEmpty
		}
		return Change{Kind: NodeDeleted, Path: op.Path}, err
	case coordinator.OpSet, coordinator.OpCheck:
		n := t.nodes[op.Path]
		if n == nil {
			return Change{}, NoNode
		}
		right, change := coordinator.Write, Change{Kind: NodeSet, Path: op.Path, Data: op.Data}
		if op.Kind == coordinator.OpCheck {
			right, change = coordinator.Read, Change{}
		}
		if !by.may(right, n.acl) {
			return Change{}, NoAuth
		}
		_, err := t.versioned(op)
		return change, err
	}
	return Change{}, Unimplemented
}

func (t *Tree) checkCreate(by Caller, op Op) (Change, error) {
	acl, err := by.resolve(op.ACL)
	if err != nil {
		return Change{}, err
	}
	parent := t.nodes[coordinator.Parent(op.Path)]
	switch {
	case parent == nil:
		return Change{}, NoNode
	case !by.may(coordinator.CreateChild, parent.acl):
		return Change{}, NoAuth
	case t.nodes[op.Path] != nil:
		return Change{}, NodeExists
	case parent.stat.EphemeralOwner != 0:
		return Change{}, EphemeralParent
	}
	change := Change{Kind: NodeCreated, Path: op.Path, Data: op.Data, ACL: acl}
	if op.Kind == coordinator.OpCreateEphemeral {
		if t.sessions[by.Session] == nil {
			return Change{}, SessionExpired
		}
		change.Session = by.Session
	}
	return change, nil
}

// versioned returns the node of an op if it has the version that the op wants.
func (t *Tree) versioned(op Op) (*node, error) {
	n := t.nodes[op.Path]
	if n == nil {
		return nil, NoNode
	}
	if op.Version != coordinator.AnyVersion && op.Version != n.stat.Version {
		return nil, BadVersion
	}
	return n, nil
}

// Replay makes a transaction that another tree has made from the same state.
// An error means that the state was not the same.
func (t *Tree) Replay(txn Txn) (Outcome, error) {
	if txn.Zxid != t.zxid+1 {
		return Outcome{}, fmt.Errorf("transaction %d does not follow %d", txn.Zxid, t.zxid)
	}
	out := Outcome{Txn: txn}
	for _, c := range txn.Changes {
		if err := t.fits(c); err != nil {
			return Outcome{}, fmt.Errorf("transaction %d: %w", txn.Zxid, err)
		}
		out.Events = append(out.Events, t.apply(c, txn.Zxid, txn.Time)...)
	}
	t.zxid = txn.Zxid
	return out, nil
}

// mustReplay is Replay for transactions that were made for this very state.
func (t *Tree) mustReplay(txn Txn) Outcome {
	out, err := t.Replay(txn)
	if err != nil {
		panic(err)
	}
	return out
}

// fits tells whether a change is possible.
func (t *Tree) fits(c Change) error {
	n := t.nodes[c.Path]
	possible := false
	switch c.Kind {
	case NodeCreated:
		possible = coordinator.CheckPath(c.Path) == nil && n == nil && t.nodes[coordinator.Parent(c.Path)] != nil &&
			(c.Session == 0 || t.sessions[c.Session] != nil)
	case NodeSet:
		possible = n != nil
	case NodeDeleted:
		possible = n != nil && c.Path != "/" && len(n.children) == 0
	case SessionOpened:
		possible = c.Session != 0 && t.sessions[c.Session] == nil
	case SessionClosed:
		possible = t.sessions[c.Session] != nil
	}
	if !possible {
		return fmt.Errorf("change of kind %d to %q, session %#x, does not fit the state", c.Kind, c.Path, c.Session)
	}
	return nil
}

// apply makes a change that fits.
func (t *Tree) apply(c Change, zxid, at int64) []Event {
	switch c.Kind {
	case NodeCreated:
		return t.applyCreate(c, zxid, at)
	case NodeSet:
		old := t.nodes[c.Path]
		n := *old
		n.data = c.Data
		n.stat.Version++
		n.stat.Mzxid, n.stat.Mtime = zxid, at
		t.size += int64(len(n.data) - len(old.data))
		t.nodes[c.Path] = &n
		return []Event{{EventChanged, c.Path, n.acl}}
	case NodeDeleted:
		return t.applyDelete(c.Path, zxid)
	case SessionOpened:
		t.sessions[c.Session] = &session{timeout: c.Timeout, password: c.Data, ephemerals: map[string]struct{}{}}
	case SessionClosed:
		var events []Event
		for _, path := range t.sessions[c.Session].paths() {
			events = append(events, t.applyDelete(path, zxid)...)
		}
		delete(t.sessions, c.Session)
		return events
	}
	return nil
}

func (t *Tree) applyCreate(c Change, zxid, at int64) []Event {
	n := &node{data: c.Data, acl: c.ACL, stat: Stat{
		Czxid: zxid, Mzxid: zxid, Pzxid: zxid, Ctime: at, Mtime: at, EphemeralOwner: c.Session,
	}}
	t.put(c.Path, n)
	return []Event{{EventCreated, c.Path, n.acl}, t.childChanged(c.Path, zxid)}
}

func (t *Tree) applyDelete(path string, zxid int64) []Event {
	acl := t.nodes[path].acl
	t.drop(path)
	return []Event{{EventDeleted, path, acl}, t.childChanged(path, zxid)}
}

// childChanged notes in the parent that a child came or went.
func (t *Tree) childChanged(path string, zxid int64) Event {
	at := coordinator.Parent(path)
	parent := t.nodes[at]
	parent.stat.Cversion++
	parent.stat.Pzxid = zxid
	return Event{EventChildren, at, parent.acl}
}

// undo is what a request has changed so far, as it was before.
type undo []before

type before struct {
	path   string
	node   *node // nil: there was none
	parent Stat
}

// remember notes what a change is about to replace.
func (t *Tree) remember(u undo, c Change) undo {
	b := before{path: c.Path, parent: t.nodes[coordinator.Parent(c.Path)].stat}
	if n := t.nodes[c.Path]; n != nil {
		old := *n
		b.node = &old
	}
	return append(u, b)
}

// restore takes changes back, the last one first.
func (t *Tree) restore(u undo) {
	for _, b := range slices.Backward(u) {
		if b.node == nil {
			t.drop(b.path)
		} else {
			t.put(b.path, b.node)
		}
		t.nodes[coordinator.Parent(b.path)].stat = b.parent
	}
}
