package coordinatortest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/coordinator"
)

// model is the naive tree that a coordinator must not differ from: no more
// than a map, and no care for speed.
type model map[string]modelNode

type modelNode struct {
	data    string
	version int32
	owner   int // the store that made an ephemeral, −1 if none
}

// apply makes all ops or none, and returns the index of the op that does not
// hold and why.
func (m model) apply(owner int, ops []coordinator.Op) (model, int, error) {
	next := maps.Clone(m)
	for i, op := range ops {
		if err := next.applyOne(owner, op); err != nil {
			return m, i, err
		}
	}
	return next, 0, nil
}

func (m model) applyOne(owner int, op coordinator.Op) error {
	n, there := m[op.Path]
	switch op.Kind {
	case coordinator.OpCreate, coordinator.OpCreateEphemeral:
		parent, ok := m[coordinator.Parent(op.Path)]
		switch {
		case !ok:
			return coordinator.ErrNoNode
		case there:
			return coordinator.ErrExists
		case parent.owner >= 0:
			return coordinator.ErrEphemeralParent
		}
		n = modelNode{data: string(op.Data), owner: -1}
		if op.Kind == coordinator.OpCreateEphemeral {
			n.owner = owner
		}
		m[op.Path] = n
		return nil
	}
	switch {
	case !there:
		return coordinator.ErrNoNode
	case op.Version != coordinator.AnyVersion && op.Version != n.version:
		return coordinator.ErrVersion
	case op.Kind == coordinator.OpSet:
		m[op.Path] = modelNode{string(op.Data), n.version + 1, n.owner}
	case op.Kind == coordinator.OpDelete:
		if len(m.children(op.Path)) > 0 {
			return coordinator.ErrNotEmpty
		}
		delete(m, op.Path)
	}
	return nil
}

func (m model) children(path string) []string {
	var names []string
	for other := range m {
		if rest, ok := strings.CutPrefix(other, path+"/"); ok && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

// testModel compares a coordinator with the model under random changes by two
// sessions, one of which ends now and then.
func testModel(t *testing.T, f Fixture) {
	lasting := f.Open(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Each run has a subtree of its own.
		round++
		top := fmt.Sprintf("/run%d", round)
		must(t, lasting.Apply(t.Context(), coordinator.Create(top, nil)))
		stores := []coordinator.Store{lasting, f.Open(t)}
		m := model{top: {owner: -1}}
		paths := []string{top, top + "/a", top + "/b", top + "/a/x", top + "/a/y", top + "/a/x/p", top + "/b/x"}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			who := rapid.IntRange(0, 1).Draw(rt, "who")
			if who == 1 && rapid.IntRange(0, 9).Draw(rt, "close") == 0 {
				must(t, stores[1].Close())
				stores[1] = f.Open(t)
				maps.DeleteFunc(m, func(_ string, n modelNode) bool { return n.owner == 1 })
				// The end of a session is a change that others learn of like of any other.
				must(t, lasting.Apply(t.Context(), coordinator.Set(top, nil, coordinator.AnyVersion)))
				m[top] = modelNode{"", m[top].version + 1, -1}
			} else {
				m = step(rt, t, stores[who], who, m, paths)
			}
			compare(rt, t, stores, m, paths)
		}
		must(t, stores[1].Close())
	})
}

// step makes a random change on a store and on the model.
func step(rt *rapid.T, t *testing.T, s coordinator.Store, who int, m model, paths []string) model {
	ops := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) coordinator.Op {
		return coordinator.Op{
			Kind:    coordinator.OpKind(rapid.IntRange(0, 4).Draw(rt, "kind")),
			Path:    rapid.SampledFrom(paths[1:]).Draw(rt, "path"),
			Data:    []byte(rapid.SampledFrom([]string{"", "1", "22"}).Draw(rt, "data")),
			Version: rapid.Int32Range(-1, 1).Draw(rt, "version"),
		}
	}), 1, 4).Draw(rt, "ops")
	next, index, wanted := m.apply(who, ops)
	err := s.Apply(t.Context(), ops...)
	var op *coordinator.OpError
	if wanted == nil && err != nil || wanted != nil && (!errors.As(err, &op) || op.Index != index || !errors.Is(op, wanted)) {
		rt.Fatalf("%+v: %v, want %v of op %d", ops, err, wanted, index)
	}
	return next
}

// compare looks at everything. A store sees a change of another's when it has
// made one itself, so both write first.
func compare(rt *rapid.T, t *testing.T, stores []coordinator.Store, m model, paths []string) {
	ctx := t.Context()
	for who, s := range stores {
		must(t, s.Apply(ctx, coordinator.Create(paths[0]+"/sync", nil), coordinator.Delete(paths[0]+"/sync", 0)))
		for _, path := range paths {
			wanted, there := m[path]
			got, err := s.Get(ctx, path)
			if there != (err == nil) || !there && !errors.Is(err, coordinator.ErrNoNode) {
				rt.Fatalf("store %d, %s: %v, want it there: %v", who, path, err, there)
			}
			names, err := s.Children(ctx, path)
			if there != (err == nil) {
				rt.Fatalf("store %d, children of %s: %v", who, path, err)
			}
			owner := int64(0)
			if there && wanted.owner >= 0 {
				owner = stores[wanted.owner].Session().ID
			}
			if there && (string(got.Data) != wanted.data || got.Version != wanted.version || got.Ephemeral != owner) {
				rt.Fatalf("store %d, %s: %+v, want %+v", who, path, got, wanted)
			}
			if there && !slices.Equal(names, m.children(path)) {
				rt.Fatalf("store %d, children of %s: %v, want %v", who, path, names, m.children(path))
			}
		}
	}
}
