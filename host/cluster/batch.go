package cluster

import (
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// Batch is changes that are made together or not at all. Its zero value is
// empty. What cannot be written makes the whole batch fail when it is applied.
type Batch struct {
	ops    []coordinator.Op
	placed map[Place]*Placement
	err    error
}

// Empty tells whether there is nothing to do.
func (b *Batch) Empty() bool { return len(b.ops) == 0 && b.err == nil }

// Err returns why the batch cannot be applied; nil if it can.
func (b *Batch) Err() error { return b.err }

// String lists what the batch does, a line each, for logs and tests.
func (b *Batch) String() string {
	verbs := [...]string{coordinator.OpCreate: "create", coordinator.OpCreateEphemeral: "create ephemeral", coordinator.OpSet: "set", coordinator.OpDelete: "delete", coordinator.OpCheck: "check"}
	var lines strings.Builder
	for _, op := range b.ops {
		fmt.Fprintf(&lines, "%s %s\n", verbs[op.Kind], op.Path)
	}
	return lines.String()
}

func (b *Batch) write(r record, op func(data []byte) coordinator.Op) {
	data, err := encode(r)
	if err != nil {
		if b.err == nil {
			b.err = err
		}
		return
	}
	b.ops = append(b.ops, op(data))
}

func (b *Batch) create(path string, r record) {
	b.write(r, func(data []byte) coordinator.Op { return coordinator.Create(path, data) })
}

func (b *Batch) set(path string, r record, version int32) {
	b.write(r, func(data []byte) coordinator.Op { return coordinator.Set(path, data, version) })
}

// CreateTopology makes a topology's record and the nodes for its parts.
func (b *Batch) CreateTopology(t *Topology) {
	b.create(topologyPath(t.Name), t)
	b.ops = append(b.ops, coordinator.Create(versionsPath(t.Name), nil), coordinator.Create(runsPath(t.Name), nil))
}

// SetTopology replaces a topology's record.
func (b *Batch) SetTopology(t *Topology, version int32) { b.set(topologyPath(t.Name), t, version) }

// CreateVersion makes a version's record. Its bundle must be there by then.
func (b *Batch) CreateVersion(v *Version) { b.create(versionPath(v.Topology, v.Number), v) }

// DeleteVersion removes one.
func (b *Batch) DeleteVersion(name topology.Name, n int) {
	b.ops = append(b.ops, coordinator.Delete(versionPath(name, n), coordinator.AnyVersion))
}

// CreateRun makes a run's record with its assignment.
func (b *Batch) CreateRun(r *Run, a *Assignment) {
	b.create(runPath(r.ID), r)
	b.create(assignmentPath(r.ID), a)
	b.ops = append(b.ops, coordinator.Create(workersPath(r.ID), nil))
}

// SetRun replaces a run's record.
func (b *Batch) SetRun(r *Run, version int32) { b.set(runPath(r.ID), r, version) }

// SetAssignment replaces a run's assignment.
func (b *Batch) SetAssignment(id RunID, a *Assignment, version int32) {
	b.set(assignmentPath(id), a, version)
}

// CreateWorker makes the node that a worker writes to.
func (b *Batch) CreateWorker(id RunID, p Place) {
	b.ops = append(b.ops, coordinator.Create(workerPath(id, p), nil))
}

// Place tells a supervisor to run a worker.
func (b *Batch) Place(at Place, p *Placement) {
	b.create(placementPath(at), p)
	b.note(at, p)
}

// Unplace tells a supervisor to end one.
func (b *Batch) Unplace(at Place) {
	b.ops = append(b.ops, coordinator.Delete(placementPath(at), coordinator.AnyVersion))
	b.note(at, nil)
}

func (b *Batch) note(at Place, p *Placement) {
	if b.placed == nil {
		b.placed = map[Place]*Placement{}
	}
	b.placed[at] = p
}

// Placements returns what supervisors are told to run by this batch; nil stands
// for what they are told to end.
func (b *Batch) Placements() map[Place]*Placement { return b.placed }
