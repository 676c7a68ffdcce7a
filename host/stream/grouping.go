package stream

import (
	"fmt"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// Spread says how the rows of an edge go to the tasks of its consumer.
type Spread uint8

// The ways to spread rows. Several groupings share one.
const (
	ToAny   Spread = iota // whichever task takes them: shuffle, local-or-shuffle, none
	ToOne                 // each row to the task that Targets chooses: fields, partial-key, direct
	ToFirst               // all rows to the first task: global
	ToEach                // every row to every task: all
)

// Grouping spreads the rows of one stream over the tasks of one consumer. It
// is owned by one sending task and not safe for concurrent use.
type Grouping struct {
	kind   topology.GroupKind
	fields []int // positions in the stream
	tasks  []topology.TaskID
	byID   map[topology.TaskID]uint16
	sent   []uint64 // rows sent to each task, for partial-key
	hash   []byte   // scratch
}

// NewGrouping makes the sender's side of an input; tasks are those of the
// consumer, in order.
func NewGrouping(in topology.Input, fields []string, tasks []topology.TaskID) (*Grouping, error) {
	g := &Grouping{kind: in.Group.Kind, tasks: tasks, byID: map[topology.TaskID]uint16{}, sent: make([]uint64, len(tasks))}
	for i, t := range tasks {
		g.byID[t] = uint16(i)
	}
	for _, name := range in.Group.Fields {
		at := -1
		for i, f := range fields {
			if f == name {
				at = i
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("stream %s of %s has no field %q to group by", in.Stream, in.From, name)
		}
		g.fields = append(g.fields, at)
	}
	if g.kind == topology.GroupPlugin {
		return nil, fmt.Errorf("grouping plugin %q is not there", in.Group.Plugin)
	}
	return g, nil
}

// Spread says how rows are spread. A single task makes every choice the same.
func (g *Grouping) Spread() Spread {
	switch g.kind {
	case topology.GroupAll:
		return ToEach
	case topology.GroupGlobal:
		return ToFirst
	case topology.GroupDirect:
		return ToOne
	case topology.GroupFields, topology.GroupPartialKey:
		if len(g.tasks) == 1 {
			return ToFirst
		}
		return ToOne
	}
	return ToAny
}

// Targets appends the index of the task for each of n rows; cols are indexes
// of all columns of the stream. Only for ToOne.
func (g *Grouping) Targets(dst []uint16, n int, cols []multilang.Index) []uint16 {
	tasks := uint64(len(g.tasks))
	if len(g.fields) == 1 && g.kind == topology.GroupFields {
		if col := &cols[g.fields[0]]; col.Kind() == multilang.KindStr && !col.Nullable() {
			for r := range n {
				dst = append(dst, uint16(multilang.HashStr(col.Row(r))%tasks))
			}
			return dst
		}
	}
	for r := range n {
		h := g.key(r, cols)
		if g.kind == topology.GroupFields {
			dst = append(dst, uint16(h%tasks))
			continue
		}
		dst = append(dst, g.lighter(uint16(h%tasks), uint16(multilang.HashCombine(h, 1)%tasks)))
	}
	return dst
}

// key hashes the grouping fields of a row.
func (g *Grouping) key(row int, cols []multilang.Index) uint64 {
	var h uint64
	for i, f := range g.fields {
		var x uint64
		x, g.hash = cols[f].Hash(row, g.hash)
		if i == 0 {
			h = x
		} else {
			h = multilang.HashCombine(h, x)
		}
	}
	return h
}

// lighter returns the one of two tasks that has got fewer rows (Nasir et al.:
// The Power of Both Choices, 2015; Storm's partial key grouping).
func (g *Grouping) lighter(a, b uint16) uint16 {
	if g.sent[b] < g.sent[a] {
		a = b
	}
	g.sent[a]++
	return a
}

// Direct appends the index of the task that the sender named for each row,
// which must be one that the consumer Has.
func (g *Grouping) Direct(dst []uint16, direct multilang.U32s) []uint16 {
	for i := range direct.Len() {
		dst = append(dst, g.byID[topology.TaskID(direct.At(i))])
	}
	return dst
}

// Has tells whether a task is one of the consumer's.
func (g *Grouping) Has(t topology.TaskID) bool {
	_, ok := g.byID[t]
	return ok
}

// IsLocal tells whether rows stay with the tasks of the sender's worker, if
// there are any.
func (g *Grouping) IsLocal() bool { return g.kind == topology.GroupLocalOrShuffle }

// IsDirect tells whether rows go where the sender says, and only then.
func (g *Grouping) IsDirect() bool { return g.kind == topology.GroupDirect }
