package storm

import (
	"fmt"

	"github.com/polybolt/polybolt/multilang"
)

// calmFrames is how many frames a bolt must finish before its marks are
// answered until it is believed to ack what it has processed.
const calmFrames = 16

// bolt is what an adapter knows of a bolt's tuples. Its ids are numbers, told
// as text: even ones are rows, counted up, odd ones are ticks and heartbeats,
// whose acks mean nothing.
//
// PROTOCOL.md wants rows covered in order, Storm lets a bolt ack as it likes.
// So a row that was passed over by an ack, or that the child has certainly
// read and not acked, is covered as held. For the latter a heartbeat follows
// the rows: its answer says that all before it has been in user code. That is
// what heartbeats are here, and none is needed as a sign of life.
type bolt struct {
	next   uint64 // number of the next row
	system uint64
	frames []*rows // not wholly covered, in order
	held   map[uint64]heldRow
	marks  []uint64 // for each unanswered heartbeat: rows before this number were written before it
	keeps  bool     // it is known to keep rows
	calm   int      // marks in a row that found nothing open
}

// rows is a frame in the child.
type rows struct {
	seq     uint32
	first   uint64 // number of its first row
	n       int
	covered int
	state   []rowState // nil until something is said of a row beyond covered
}

type rowState struct {
	done   bool
	failed *multilang.Error // why it failed, or will
}

// heldRow is a row that was covered and is neither acked nor failed.
type heldRow struct {
	seq, row uint32
	failed   *multilang.Error
}

func (b *bolt) init() {
	b.held = map[uint64]heldRow{}
	b.next = 1
}

// open tells whether rows are in the child that nothing is known of.
func (b *bolt) open() bool { return len(b.frames) > 0 }

// data writes the rows of a frame to the child.
func (a *Adapter) data(m *multilang.ToChild) {
	b := &a.bolt
	f := &rows{seq: m.Seq, first: b.next, n: m.N}
	b.next += uint64(m.N)
	b.frames = append(b.frames, f)
	a.codec.columns(m.Cols, m.N)
	task, left, run := m.Task, m.N, 0
	if m.Runs.Len() > 0 {
		task, left = int(m.Runs.At(0)), int(m.Runs.At(1))
	}
	unsent := false
	for i := range m.N {
		for left == 0 && 2*run+3 < m.Runs.Len() {
			run++
			task, left = int(m.Runs.At(2*run)), int(m.Runs.At(2*run+1))
		}
		left--
		var err error
		if a.work.Stdin, err = a.codec.appendRow(a.work.Stdin, 2*(f.first+uint64(i)), m.Input, int64(task), i); err != nil {
			*f.at(i) = rowState{done: true, failed: &multilang.Error{Kind: "exception", Type: "ValueError", Message: err.Error()}}
			unsent = true
		}
	}
	if b.keeps || b.calm < calmFrames || unsent {
		a.mark() // whose answer also brings about that unsent rows are told
	}
}

// at returns what is known of a row.
func (f *rows) at(i int) *rowState {
	if f.state == nil {
		f.state = make([]rowState, f.n)
	}
	return &f.state[i]
}

// mark writes a heartbeat.
func (a *Adapter) mark() {
	b := &a.bolt
	a.work.Stdin = a.codec.appendSystem(a.work.Stdin, heartbeatID(b.system), "", heartbeatStream)
	b.system++
	b.marks = append(b.marks, b.next)
}

// The ids of what comes from the system: odd, and a heartbeat's no tick's.
func heartbeatID(n uint64) uint64 { return 4*n + 3 }
func tickID(n uint64) uint64      { return 4*n + 1 }
func isHeartbeat(id uint64) bool  { return id&3 == 3 }

// marked takes the answer to a heartbeat: what was written before it has been in user code.
func (a *Adapter) marked() {
	b := &a.bolt
	if len(b.marks) == 0 {
		return // pystorm says sync after an error, too
	}
	a.answered = true
	before := b.marks[0]
	b.marks = b.marks[1:]
	if a.coverBefore(before) {
		b.keeps, b.calm = true, 0
		return
	}
	if b.calm++; b.calm >= 4*calmFrames {
		b.keeps = false
	}
}

// coverBefore covers all rows before a number, and tells whether one of them was still open.
func (a *Adapter) coverBefore(number uint64) (kept bool) {
	b := &a.bolt
	for len(b.frames) > 0 && b.frames[0].first < number {
		f := b.frames[0]
		end := int(min(uint64(f.n), number-f.first))
		if end <= f.covered {
			return kept
		}
		kept = a.cover(f, end) || kept
	}
	return kept
}

// cover covers the first frame's rows up to end: open ones as held.
func (a *Adapter) cover(f *rows, end int) (kept bool) {
	e := &a.emits
	a.replyTo(f)
	for i := f.covered; i < end; i++ {
		var s rowState
		if f.state != nil {
			s = f.state[i]
		}
		switch {
		case s.done && s.failed != nil:
			e.failed = append(e.failed, multilang.RowError{Row: i, Err: *s.failed})
			e.size += textOf(s.failed)
		case !s.done:
			kept = true
			e.held = le.AppendUint32(e.held, uint32(i))
			a.bolt.held[f.first+uint64(i)] = heldRow{seq: f.seq, row: uint32(i), failed: s.failed}
		}
		e.n++
		f.covered = i + 1
		if e.size > a.most() {
			a.flushReply()
			a.replyTo(f)
		}
	}
	if f.covered == f.n {
		a.bolt.frames = append(a.bolt.frames[:0], a.bolt.frames[1:]...)
		a.flushReply() // a reply covers rows of one frame
	}
	return kept
}

// find returns the frame in the child that has a row, if it is not covered.
func (b *bolt) find(row uint64) (*rows, int) {
	for _, f := range b.frames {
		if row >= f.first+uint64(f.covered) && row < f.first+uint64(f.n) {
			return f, int(row - f.first)
		}
	}
	return nil, 0
}

// settle takes an ack, or a fail with its reason, and tells whether it is of a row.
func (a *Adapter) settle(id uint64, why *multilang.Error) bool {
	b := &a.bolt
	if a.o.Spout {
		a.breach(RuleAck, "a spout sent an ack or a fail")
		a.warn("ack", "a spout sent an ack or a fail, which are a bolt's: ignored")
		return false
	}
	if isHeartbeat(id) {
		a.breach(RuleBeat, fmt.Sprintf("an ack or a fail of the heartbeat %d", id))
	}
	if id&1 == 1 {
		return false // a tick's
	}
	if h, ok := b.held[id/2]; ok {
		delete(b.held, id/2)
		a.settleHeld(h, why)
		return true
	}
	f, i := b.find(id / 2)
	if f == nil || f.at(i).done {
		a.breach(RuleAck, fmt.Sprintf("an ack or a fail of %d, which was acked or failed before, or is no tuple's id", id))
		a.warn("stray", fmt.Sprintf("an ack or a fail of a tuple that was acked or failed before, or never was (id %d): ignored, as all further ones", id))
		return false
	}
	s := f.at(i)
	s.done = true
	if s.failed == nil {
		s.failed = why
	}
	a.coverBefore(id/2 + 1)
	return true
}

func (a *Adapter) settleHeld(h heldRow, why *multilang.Error) {
	e := &a.emits
	if h.failed != nil {
		why = h.failed
	}
	if why != nil {
		e.late = append(e.late, multilang.RowError{Seq: h.seq, Row: int(h.row), Err: *why})
		if e.size += textOf(why); e.size > a.most() {
			a.flushReply()
		}
		return
	}
	e.acked = le.AppendUint32(le.AppendUint32(e.acked, h.seq), h.row)
}

// Forget forgets rows that the child keeps, those that over names by frame and
// position: nobody waits for their acks any more. A child that never acks would
// have them remembered for as long as it lives.
func (a *Adapter) Forget(over func(seq, row uint32) bool) {
	for number, h := range a.bolt.held {
		if over(h.seq, h.row) {
			delete(a.bolt.held, number)
		}
	}
}

// Keeps returns how many rows the child has read and neither acked nor failed.
func (a *Adapter) Keeps() int { return len(a.bolt.held) }

// textOf is about what an error takes in a message, in bytes.
func textOf(e *multilang.Error) int { return 64 + len(e.Type) + len(e.Message) + len(e.Traceback) }

// doom makes a row fail once it is acked or failed.
func (a *Adapter) doom(row uint64, why multilang.Error) bool {
	if h, ok := a.bolt.held[row]; ok {
		h.failed = &why
		a.bolt.held[row] = h
		return true
	}
	if f, i := a.bolt.find(row); f != nil {
		if s := f.at(i); !s.done {
			s.failed = &why
			return true
		}
	}
	return false
}

// tick writes a tick tuple.
func (a *Adapter) tick() {
	a.work.Stdin = a.codec.appendSystem(a.work.Stdin, tickID(a.bolt.system), systemComponent, tickStream, max(int64(a.o.Tick.Seconds()), 1))
	a.bolt.system++
}
