package worker

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// Messages between workers of one topology. They are ours alone, of one
// release: all numbers are little-endian. A peer is trusted no further than
// that it may send rows and outcomes; what it sends is checked like a child's.
const (
	msgRows    = 1 // rows for an inbox
	msgUpdates = 2 // changes of the words of trees
	msgMoves   = 3 // edges that are counted for another worker now
	msgFail    = 4 // a tree that failed
	msgTouch   = 5 // trees that wait in a queue
	msgCredit  = 6 // back: rows that have been taken from inboxes
	msgBlame   = 7 // who has had a row of a tree for long
	msgOver    = 8 // back: trees that have timed out
	msgStopped = 9 // a worker ends: how many groups of components have stopped there
)

// IsData tells whether messages of a type carry rows, or keep their place among
// those. All others are small, and may overtake them.
func IsData(typ byte) bool { return typ == msgRows || typ == msgStopped }

var (
	le       = binary.LittleEndian
	errShort = errors.New("message between workers is cut short")
)

// inboxKey names an inbox on the wire: a task, or the pool of a component.
func (in *inbox) key() uint32 {
	if in.task != 0 {
		return uint32(in.task)
	}
	return uint32(in.comp.number) | poolKey
}

const poolKey = 1 << 31

// appendRows writes a batch for an inbox.
func (w *Worker) appendRows(dst []byte, in *inbox, b *stream.Batch) []byte {
	dst = le.AppendUint32(dst, in.key())
	flags := byte(0)
	if b.Solo {
		flags |= 1
	}
	if len(b.Roots) > 0 {
		flags |= 2
	}
	dst = append(dst, flags)
	dst = le.AppendUint16(dst, uint16(w.byID[b.Source.Component].number))
	for i, s := range w.byID[b.Source.Component].sources {
		if s == b.Source {
			dst = le.AppendUint16(dst, uint16(i))
		}
	}
	dst = le.AppendUint32(dst, uint32(b.N))
	dst = le.AppendUint16(dst, uint16(len(b.Runs)))
	for _, r := range b.Runs {
		dst = le.AppendUint32(le.AppendUint32(dst, uint32(r.Task)), uint32(r.Rows))
	}
	for _, c := range b.Columns(nil) {
		dst = append(le.AppendUint32(append(dst, byte(c.Kind)), uint32(len(c.Data))), c.Data...)
	}
	if len(b.Roots) > 0 {
		dst = w.appendTrees(dst, b)
	}
	return dst
}

// appendTrees writes the roots and edges of a batch, and who the owners are.
func (w *Worker) appendTrees(dst []byte, b *stream.Batch) []byte {
	seen := map[int]bool{}
	at := len(dst)
	dst = le.AppendUint16(dst, 0)
	note := func(r acker.Root) {
		n := r.Owner()
		if r == 0 || seen[n] {
			return
		}
		seen[n] = true
		o := w.owners.at(n)
		dst = le.AppendUint64(le.AppendUint32(le.AppendUint16(dst, uint16(n)), uint32(o.task)), o.worker)
	}
	for _, r := range b.Roots {
		note(r)
	}
	for _, x := range b.Extras {
		note(x.Root)
	}
	le.PutUint16(dst[at:], uint16(len(seen)))
	for i, r := range b.Roots {
		dst = le.AppendUint64(le.AppendUint64(dst, uint64(r)), b.Edges[i])
	}
	dst = le.AppendUint32(dst, uint32(len(b.Extras)))
	for _, x := range b.Extras {
		dst = le.AppendUint64(le.AppendUint32(dst, uint32(x.Row)), uint64(x.Root))
	}
	return dst
}

// cut reads a message from the front. After the first error it returns zeros.
type cut struct {
	b   []byte
	err error
}

func (c *cut) take(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.b) {
		if c.err == nil {
			c.err = errShort
		}
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cut) u8() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cut) u16() int {
	if v := c.take(2); v != nil {
		return int(le.Uint16(v))
	}
	return 0
}

func (c *cut) u32() uint32 {
	if v := c.take(4); v != nil {
		return le.Uint32(v)
	}
	return 0
}

func (c *cut) u64() uint64 {
	if v := c.take(8); v != nil {
		return le.Uint64(v)
	}
	return 0
}

// count reads the number of things that take at least size bytes each.
func (c *cut) count(n uint32, size int) int {
	if c.err == nil && uint64(n)*uint64(size) > uint64(len(c.b)) {
		c.err = errShort
	}
	if c.err != nil {
		return 0
	}
	return int(n)
}

// rows reads a batch. The batch owns its memory.
func (w *Worker) rows(body []byte) (*inbox, *stream.Batch, error) {
	c := &cut{b: append([]byte(nil), body...)}
	in := w.inboxOfKey(c.u32())
	flags, comp, output := c.u8(), c.u16(), c.u16()
	n := int(c.u32())
	if c.err != nil {
		return nil, nil, c.err
	}
	if in == nil || comp >= len(w.components) || output >= len(w.components[comp].sources) || n == 0 || n > multilang.MaxFrameRows {
		return nil, nil, fmt.Errorf("rows for an inbox, or of a stream, that the topology does not have")
	}
	source := w.components[comp].sources[output]
	if _, ok := w.inputsOf(in.comp)[source]; !ok {
		return nil, nil, fmt.Errorf("%s does not read stream %s of %s", in.comp.ID, source.Stream, source.Component)
	}
	runs, err := c.runs(n)
	if err != nil {
		return nil, nil, err
	}
	cols := make([]multilang.Column, len(source.Fields))
	for i := range cols {
		kind := multilang.Kind(c.u8())
		cols[i] = multilang.Column{Kind: kind, Data: c.take(c.count(c.u32(), 1))}
		if c.err != nil {
			return nil, nil, c.err
		}
		if err := cols[i].Check(n); err != nil {
			return nil, nil, fmt.Errorf("field %s: %w", source.Fields[i], err)
		}
	}
	b := stream.SharedBatch(source, n, cols)
	b.Runs, b.Solo = runs, flags&1 != 0
	if flags&2 != 0 {
		w.trees(c, b)
	}
	return in, b, c.err
}

func (c *cut) runs(n int) ([]stream.Run, error) {
	k := c.count(uint32(c.u16()), 8)
	var runs []stream.Run
	sum := 0
	for range k {
		r := stream.Run{Task: topology.TaskID(c.u32()), Rows: int(c.u32())}
		if sum += r.Rows; r.Rows <= 0 || sum > n {
			return nil, errors.New("runs do not add up to the rows")
		}
		runs = append(runs, r)
	}
	if sum != n {
		return nil, errors.New("runs do not add up to the rows")
	}
	return runs, c.err
}

// trees reads the roots and edges of a batch, with our own numbers for owners.
func (w *Worker) trees(c *cut, b *stream.Batch) {
	ours := map[int]int{}
	for range c.count(uint32(c.u16()), 14) {
		theirs, task, worker := c.u16(), topology.TaskID(c.u32()), c.u64()
		if l, known := w.ownerOf(task, worker); known {
			n, err := w.owners.of(task, worker, l)
			if err != nil { // the rows go on without their trees, which fail with this worker
				w.fail(err)
				continue
			}
			ours[theirs] = n
		}
	}
	translate := func(r acker.Root) acker.Root {
		if n, ok := ours[r.Owner()]; ok {
			return r.Of(n)
		}
		return 0 // of an incarnation of ours that is no more, or not of a spout: nobody waits for it
	}
	for range c.count(uint32(b.N), 16) {
		root, edge := acker.Root(c.u64()), c.u64()
		if root != 0 {
			root = translate(root)
		}
		b.Track(root, edge)
	}
	for range c.count(c.u32(), 12) {
		x := stream.Extra{Row: int(c.u32()), Root: translate(acker.Root(c.u64()))}
		if x.Row < b.N && x.Root != 0 {
			b.Extras = append(b.Extras, x)
		}
	}
}

// ownerOf returns our ledger, if the owner is this incarnation of us, and
// whether it is a spout task at all.
func (w *Worker) ownerOf(task topology.TaskID, worker uint64) (*ledger, bool) {
	if task < 1 || int(task) > len(w.inboxOf) || w.inboxOf[task-1].comp.Kind != topology.Spout {
		return nil, false
	}
	if worker != w.self {
		return nil, true
	}
	l := w.ledgerOf(task)
	return l, l != nil
}

func (w *Worker) inboxOfKey(key uint32) *inbox {
	if key&poolKey == 0 {
		if key < 1 || int(key) > len(w.inboxOf) {
			return nil
		}
		return w.inboxOf[key-1]
	}
	number := int(key &^ poolKey)
	if number >= len(w.components) {
		return nil
	}
	pools := *w.components[number].pools.Load()
	if len(pools) == 0 {
		return nil
	}
	return pools[0] // ours, or where else one of its tasks is now
}

// appendUpdates writes changes of trees of a spout task; to is 0 but for moves.
func appendUpdates(dst []byte, task topology.TaskID, at, to uint64, us []acker.Update) []byte {
	dst = le.AppendUint64(le.AppendUint64(le.AppendUint32(dst, uint32(task)), at), to)
	for _, u := range us {
		dst = le.AppendUint64(le.AppendUint64(dst, uint64(u.Root.Bare())), u.Xor)
	}
	return dst
}

// appendRoots writes trees of a spout task.
func appendRoots(dst []byte, task topology.TaskID, roots []acker.Root) []byte {
	dst = le.AppendUint32(dst, uint32(task))
	for _, r := range roots {
		dst = le.AppendUint64(dst, uint64(r.Bare()))
	}
	return dst
}

// appendFailure writes why a tree failed.
func appendFailure(dst []byte, task topology.TaskID, root acker.Root, f failure) []byte {
	dst = le.AppendUint64(le.AppendUint32(dst, uint32(task)), uint64(root.Bare()))
	alone := byte(0)
	if f.alone {
		alone = 1
	}
	dst = le.AppendUint32(append(dst, byte(f.cause), alone), uint32(f.task))
	text := f.text
	if len(text) > maxFailureText {
		text = text[:maxFailureText]
	}
	dst = append(le.AppendUint16(dst, uint16(len(f.component))), f.component...)
	return append(le.AppendUint16(dst, uint16(len(text))), text...)
}

const maxFailureText = 4 << 10

// failureOf reads what appendFailure wrote after the root.
func (c *cut) failure() failure {
	f := failure{cause: acker.Cause(c.u8()), alone: c.u8() == 1, task: topology.TaskID(c.u32())}
	f.component = topology.ComponentID(c.take(c.u16()))
	f.text = string(c.take(c.u16()))
	if f.cause >= acker.Causes {
		f.cause = acker.Lost
	}
	return f
}
