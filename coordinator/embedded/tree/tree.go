// Package tree is the embedded coordinator's state: a tree of versioned nodes
// with ACLs, sessions that own ephemerals, and the watches on both, with
// ZooKeeper's semantics.
//
// It is a state machine without goroutines, clocks or I/O. Changes come in as
// requests and go out as a [Txn], which brings another tree from the same
// state to the same next one: that is what a log keeps. Nothing here may be
// used concurrently, but a [Snapshot], once taken, belongs to its taker.
package tree

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// nodeCost is what a node takes in memory besides its path, data and ACL, in
// bytes, roughly: structs, map entries, the name in the parent.
const nodeCost = 300

// Tree is the whole state. Make it with [New] or [Restore].
type Tree struct {
	zxid     int64
	nodes    map[string]*node
	sessions map[int64]*session
	size     int64 // of all nodes, with nodeCost
	limit    int64 // of size
}

type node struct {
	data     []byte // never changed, only replaced
	acl      []ACL  // the same
	stat     Stat   // without DataLength and NumChildren
	children map[string]struct{}
}

// Stat is what ZooKeeper tells about a node. Times are milliseconds since
// 1970; a zxid numbers the transaction that did it.
type Stat struct {
	Czxid, Mzxid, Pzxid         int64 // created the node, changed its data, created or deleted a child last
	Ctime, Mtime                int64
	Version, Cversion, Aversion int32 // changes of the data, of the children, of the ACL
	EphemeralOwner              int64 // a session, or 0
	DataLength, NumChildren     int32
}

// New returns a tree that holds nothing but the root, which everybody may do
// everything with. It refuses to grow beyond limit bytes.
func New(limit int64) *Tree {
	t := &Tree{nodes: map[string]*node{}, sessions: map[int64]*session{}, limit: limit}
	t.put("/", &node{acl: []ACL{{Rights: coordinator.All, Scheme: schemeWorld, ID: anyone}}})
	return t
}

// Zxid returns the number of the last transaction.
func (t *Tree) Zxid() int64 { return t.zxid }

// Len returns the number of nodes.
func (t *Tree) Len() int { return len(t.nodes) }

// Exists returns a node's stat.
func (t *Tree) Exists(by Caller, path string) (Stat, error) {
	n, err := t.readable(by, path)
	if err != nil {
		return Stat{}, err
	}
	return n.fullStat(), nil
}

// Get returns a node's data, which the caller must not change.
func (t *Tree) Get(by Caller, path string) ([]byte, Stat, error) {
	n, err := t.readable(by, path)
	if err != nil {
		return nil, Stat{}, err
	}
	return n.data, n.fullStat(), nil
}

// Children returns the names of a node's children, sorted.
func (t *Tree) Children(by Caller, path string) ([]string, Stat, error) {
	n, err := t.readable(by, path)
	if err != nil {
		return nil, Stat{}, err
	}
	return slices.Sorted(maps.Keys(n.children)), n.fullStat(), nil
}

func (t *Tree) readable(by Caller, path string) (*node, error) {
	n := t.nodes[path]
	if n == nil {
		return nil, NoNode
	}
	if !by.may(coordinator.Read, n.acl) {
		return nil, NoAuth
	}
	return n, nil
}

func (n *node) fullStat() Stat {
	s := n.stat
	s.DataLength, s.NumChildren = int32(len(n.data)), int32(len(n.children))
	return s
}

// put links a node in, or replaces it.
func (t *Tree) put(path string, n *node) {
	t.drop(path)
	t.nodes[path] = n
	t.size += cost(path, n)
	if path != "/" {
		parent := t.nodes[coordinator.Parent(path)]
		if parent.children == nil {
			parent.children = map[string]struct{}{}
		}
		parent.children[base(path)] = struct{}{}
	}
	if owner := t.sessions[n.stat.EphemeralOwner]; owner != nil {
		owner.ephemerals[path] = struct{}{}
	}
}

// drop unlinks a node if it is there.
func (t *Tree) drop(path string) {
	n := t.nodes[path]
	if n == nil {
		return
	}
	delete(t.nodes, path)
	t.size -= cost(path, n)
	if parent := t.nodes[coordinator.Parent(path)]; parent != nil {
		delete(parent.children, base(path))
	}
	if owner := t.sessions[n.stat.EphemeralOwner]; owner != nil {
		delete(owner.ephemerals, path)
	}
}

func cost(path string, n *node) int64 {
	size := nodeCost + 2*len(path) + len(n.data)
	for _, a := range n.acl {
		size += len(a.ID) + len(a.Scheme) + 40
	}
	return int64(size)
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func millis(now time.Time) int64 { return now.UnixMilli() }
