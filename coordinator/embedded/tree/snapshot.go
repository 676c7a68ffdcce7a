package tree

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/embedded/jute"
)

// snapshotVersion is the first thing in a snapshot.
const snapshotVersion = 1

// Snapshot is a tree at one moment. It shares with the tree only what never
// changes.
type Snapshot struct {
	zxid     int64
	sessions []snapshotSession
	nodes    []snapshotNode // parents before their children
}

type snapshotSession struct {
	id       int64
	timeout  time.Duration
	password []byte
}

type snapshotNode struct {
	path string
	data []byte
	acl  []ACL
	stat Stat
}

// Snapshot copies the tree, but for data and ACLs, which are never changed in
// place: it takes about a microsecond a node.
func (t *Tree) Snapshot() Snapshot {
	s := Snapshot{zxid: t.zxid}
	for id, one := range t.sessions {
		s.sessions = append(s.sessions, snapshotSession{id, one.timeout, one.password})
	}
	for path, n := range t.nodes {
		s.nodes = append(s.nodes, snapshotNode{path, n.data, n.acl, n.stat})
	}
	return s
}

// Zxid returns the last transaction that the snapshot holds.
func (s Snapshot) Zxid() int64 { return s.zxid }

// Parts yields the snapshot's form on disk, piece by piece, each the input of
// one call of [Restorer.Add]. The caller must not keep a piece.
func (s Snapshot) Parts() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		slices.SortFunc(s.sessions, func(a, b snapshotSession) int { return cmp.Compare(a.id, b.id) })
		slices.SortFunc(s.nodes, func(a, b snapshotNode) int { return cmp.Compare(a.path, b.path) })
		b := jute.AppendInt32(nil, snapshotVersion)
		b = jute.AppendInt64(b, s.zxid)
		b = jute.AppendInt32(b, int32(len(s.sessions)))
		b = jute.AppendInt32(b, int32(len(s.nodes)))
		if !yield(b) {
			return
		}
		for _, one := range s.sessions {
			b = jute.AppendInt64(b[:0], one.id)
			b = jute.AppendInt64(b, int64(one.timeout))
			if b = jute.AppendBytes(b, one.password); !yield(b) {
				return
			}
		}
		for _, n := range s.nodes {
			b = jute.AppendString(b[:0], n.path)
			b = jute.AppendBytes(b, n.data)
			b = appendACL(b, n.acl)
			if b = appendStat(b, n.stat); !yield(b) {
				return
			}
		}
	}
}

// Restorer builds a tree from the parts of a snapshot, in their order.
type Restorer struct {
	tree            *Tree
	begun           bool
	sessions, nodes int // still to come
}

// NewRestorer returns a restorer of a tree with a limit, as [New] has.
func NewRestorer(limit int64) *Restorer { return &Restorer{tree: New(limit)} }

// Add takes the next part.
func (s *Restorer) Add(part []byte) error {
	r := jute.NewReader(part)
	t := s.tree
	switch {
	case !s.begun:
		s.begun = true
		if v := r.Int32(); r.Err() == nil && v != snapshotVersion {
			return fmt.Errorf("snapshot has version %d, this program reads %d", v, snapshotVersion)
		}
		t.zxid, s.sessions, s.nodes = r.Int64(), int(r.Int32()), int(r.Int32())
	case s.sessions > 0:
		s.sessions--
		id := r.Int64()
		one := &session{timeout: time.Duration(r.Int64()), password: r.Bytes(), ephemerals: map[string]struct{}{}}
		if id == 0 || t.sessions[id] != nil {
			return fmt.Errorf("snapshot holds session %#x twice or without an id", id)
		}
		t.sessions[id] = one
	case s.nodes > 0:
		s.nodes--
		path := r.Text()
		n := &node{data: r.Bytes(), acl: readACL(r), stat: readStat(r)}
		if r.Err() == nil {
			if err := s.addNode(path, n); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("snapshot goes on after its end")
	}
	if r.Err() == nil && r.Len() > 0 {
		return fmt.Errorf("part of a snapshot has %d bytes too many", r.Len())
	}
	return r.Err()
}

func (s *Restorer) addNode(path string, n *node) error {
	t := s.tree
	if path == "/" {
		n.children = t.nodes["/"].children
		t.put("/", n)
		return nil
	}
	if coordinator.CheckPath(path) != nil || t.nodes[path] != nil || t.nodes[coordinator.Parent(path)] == nil {
		return fmt.Errorf("snapshot holds node %q twice or without a parent", path)
	}
	if owner := n.stat.EphemeralOwner; owner != 0 && t.sessions[owner] == nil {
		return fmt.Errorf("snapshot holds ephemeral %q without its session", path)
	}
	t.put(path, n)
	return nil
}

// Tree returns the tree once all parts are there.
func (s *Restorer) Tree() (*Tree, error) {
	if !s.begun || s.sessions != 0 || s.nodes != 0 {
		return nil, fmt.Errorf("snapshot is not complete: %d sessions and %d nodes are missing", s.sessions, s.nodes)
	}
	return s.tree, nil
}

func appendStat(b []byte, s Stat) []byte {
	for _, v := range []int64{s.Czxid, s.Mzxid, s.Pzxid, s.Ctime, s.Mtime, s.EphemeralOwner} {
		b = jute.AppendInt64(b, v)
	}
	for _, v := range []int32{s.Version, s.Cversion, s.Aversion} {
		b = jute.AppendInt32(b, v)
	}
	return b
}

func readStat(r *jute.Reader) Stat {
	var s Stat
	for _, v := range []*int64{&s.Czxid, &s.Mzxid, &s.Pzxid, &s.Ctime, &s.Mtime, &s.EphemeralOwner} {
		*v = r.Int64()
	}
	for _, v := range []*int32{&s.Version, &s.Cversion, &s.Aversion} {
		*v = r.Int32()
	}
	return s
}
