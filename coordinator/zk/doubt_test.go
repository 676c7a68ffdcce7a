package zk

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/coordinator"
)

const mySession, otherSession = 7, 8

func TestJudge(t *testing.T) {
	t.Parallel()
	const before = 100
	node := func(created, modified int64, version int32, data string, owner int64) trace {
		return trace{
			exists: true, modified: modified, siblings: max(created, 50),
			node: coordinator.Node{Data: []byte(data), Version: version, Created: created, Ephemeral: owner},
		}
	}
	create := coordinator.Create("/a", []byte("mine"))
	ephemeral := coordinator.CreateEphemeral("/a", []byte("mine"))
	set := coordinator.Set("/a", []byte("mine"), 3)
	setAny := coordinator.Set("/a", []byte("mine"), coordinator.AnyVersion)
	for _, c := range []struct {
		name  string
		op    coordinator.Op
		trace trace
		want  verdict
	}{
		{"created", create, node(101, 101, 0, "mine", 0), applied},
		{"was there", create, node(90, 90, 0, "mine", 0), notApplied},
		{"created with other data", create, node(101, 101, 0, "theirs", 0), unknown},
		{"created, then changed", create, node(101, 105, 1, "mine", 0), unknown},
		{"created as an ephemeral", create, node(101, 101, 0, "mine", otherSession), unknown},
		{"hidden", create, trace{hidden: true, siblings: 100}, unknown},
		{"missing, no sibling came or went", create, trace{siblings: 100}, notApplied},
		{"missing, but siblings came or went", create, trace{siblings: 101}, unknown},
		{"missing with its parent", create, trace{}, unknown},
		{"ephemeral of ours", ephemeral, node(101, 101, 0, "mine", mySession), applied},
		{"ephemeral of others", ephemeral, node(101, 101, 0, "mine", otherSession), unknown},
		{"set", set, node(10, 101, 4, "mine", 0), applied},
		{"set in vain", set, node(10, 90, 5, "theirs", 0), notApplied},
		{"version has not grown", set, node(10, 101, 3, "theirs", 0), notApplied},
		{"set or overtaken", set, node(10, 101, 5, "theirs", 0), unknown},
		{"another's set of the same version", set, node(10, 101, 4, "theirs", 0), unknown},
		{"deleted after the set, or never there", set, trace{siblings: 101}, unknown},
		{"never there", set, trace{siblings: 99}, notApplied},
		{"set of any version", setAny, node(10, 101, 9, "mine", 0), applied},
		{"still there", coordinator.Delete("/a", 3), node(10, 10, 3, "", 0), notApplied},
		{"made anew", coordinator.Delete("/a", 3), node(101, 101, 0, "", 0), unknown},
		{"gone", coordinator.Delete("/a", 3), trace{siblings: 101}, unknown},
		{"was gone", coordinator.Delete("/a", 3), trace{siblings: 99}, notApplied},
		{"check", coordinator.Check("/a", 3), node(10, 10, 3, "", 0), unknown},
	} {
		if got := judge([]coordinator.Op{c.op}, []trace{c.trace}, before, mySession); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	both := []coordinator.Op{create, coordinator.Delete("/b", 0)}
	if got := judge(both, []trace{node(101, 101, 0, "mine", 0), node(10, 10, 0, "", 0)}, before, mySession); got != notApplied {
		t.Errorf("a delete that did not happen beside a create that looks like ours: %d", got)
	}
	if got := judge(both, []trace{node(101, 101, 0, "mine", 0), {siblings: 101}}, before, mySession); got != applied {
		t.Errorf("a create of ours beside a delete: %d", got)
	}
}

// history is a naive tree: nodes "/a" and "/b" below one root.
type history struct {
	zxid     int64
	nodes    map[string]trace
	siblings int64
}

// apply makes all ops or none.
func (h *history) apply(ops []coordinator.Op, session int64) bool {
	nodes, siblings := maps.Clone(h.nodes), h.siblings
	for _, op := range ops {
		n, exists := nodes[op.Path]
		matches := exists && (op.Version == coordinator.AnyVersion || op.Version == n.node.Version)
		switch op.Kind {
		case coordinator.OpCreate, coordinator.OpCreateEphemeral:
			if exists {
				return false
			}
			nodes[op.Path] = trace{
				exists: true, modified: h.zxid + 1,
				node: coordinator.Node{Data: op.Data, Created: h.zxid + 1, Ephemeral: owner(op, session)},
			}
			siblings = h.zxid + 1
			continue
		case coordinator.OpSet:
			n.node.Data, n.node.Version, n.modified = op.Data, n.node.Version+1, h.zxid+1
			nodes[op.Path] = n
		case coordinator.OpDelete:
			delete(nodes, op.Path)
			siblings = h.zxid + 1
		}
		if !matches {
			return false
		}
	}
	h.zxid++
	h.nodes, h.siblings = nodes, siblings
	return true
}

func (h *history) trace(op coordinator.Op) trace {
	t := h.nodes[op.Path]
	t.siblings = h.siblings
	return t
}

// Whatever others do before, between and after: judge is never wrong about a
// request whose data names its writer.
func TestJudgeIsNeverWrong(t *testing.T) {
	t.Parallel()
	op := func(writer string) *rapid.Generator[coordinator.Op] {
		return rapid.Custom(func(t *rapid.T) coordinator.Op {
			return coordinator.Op{
				Kind:    coordinator.OpKind(rapid.IntRange(0, 4).Draw(t, "kind")),
				Path:    rapid.SampledFrom([]string{"/a", "/b"}).Draw(t, "path"),
				Data:    []byte(writer),
				Version: rapid.Int32Range(-1, 2).Draw(t, "version"),
			}
		})
	}
	ops := func(t *rapid.T, writer, label string) []coordinator.Op {
		return rapid.SliceOfN(op(writer), 1, 3).Draw(t, label)
	}
	verdicts := map[verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		h := &history{zxid: 1, siblings: 1, nodes: map[string]trace{}}
		others := func(label string) {
			for range rapid.IntRange(0, 3).Draw(t, label) {
				h.apply(ops(t, "theirs", "other"), otherSession)
			}
		}
		others("earlier")
		before := h.zxid
		others("before")
		mine := ops(t, "mine", "mine")
		arrives := rapid.Bool().Draw(t, "arrives")
		happened := arrives && h.apply(mine, mySession)
		others("after")
		traces := make([]trace, len(mine))
		for i, op := range mine {
			traces[i] = h.trace(op)
		}
		got := judge(mine, traces, before, mySession)
		verdicts[got]++
		if got == applied && !happened || got == notApplied && happened {
			t.Fatalf("verdict %d, happened %v", got, happened)
		}
	})
	for _, v := range []verdict{unknown, applied, notApplied} {
		if verdicts[v] == 0 {
			t.Errorf("verdict %d never came up in %v", v, slices.Sorted(maps.Keys(verdicts)))
		}
	}
}
