package storm

import (
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// turnKind is what a spout is told to do; each turn ends with its sync.
type turnKind uint8

const (
	activateTurn turnKind = iota
	deactivateTurn
	ackTurn
	failTurn
	nextTurn
)

var turnCommands = [...]string{"activate", "deactivate", "ack", "fail", "next"}

type turn struct {
	kind turnKind
	id   []byte
}

// request is the host's wish for rows.
type request struct {
	seq       uint32
	rows, got int
}

// spout is what an adapter knows of a spout. It is told one thing after the
// other: a next only when every sync has come. Outcomes that are due together
// are handed over together, as a child reads them one after the other.
type spout struct {
	active  bool
	asked   []request
	orders  []turn     // to be written
	turns   []turnKind // written, without a sync yet
	emitted int        // in the next turn that runs
	row     uint32     // number of the next row
	ids     map[uint32][]byte
	waiting bool // until Wake: it had nothing to emit
	wait    time.Duration
}

func (s *spout) init() { s.ids = map[uint32][]byte{} }

// order queues something for the spout to do.
func (a *Adapter) order(kind turnKind, id []byte) {
	if !a.o.Spout {
		return
	}
	a.spout.orders = append(a.spout.orders, turn{kind, id})
	a.pump()
}

// outcome tells the spout what became of its tuples. One that was given up has
// failed: who keeps what cannot be delivered is, by Storm's contract, the spout.
func (a *Adapter) outcome(m *multilang.ToChild) {
	s := &a.spout
	take := func(kind turnKind, list multilang.U32s) {
		for i := range list.Len() {
			row := list.At(i)
			if id, ok := s.ids[row]; ok {
				delete(s.ids, row)
				s.orders = append(s.orders, turn{kind, id})
			}
		}
	}
	take(ackTurn, m.Acked)
	take(failTurn, m.Failed)
	take(failTurn, m.Dead)
	a.pump()
}

// pump writes the spout's next turn, if none runs.
func (a *Adapter) pump() {
	s := &a.spout
	if !a.o.Spout || !a.ready || len(s.turns) > 0 {
		return
	}
	switch {
	case len(s.orders) > 0:
		for _, t := range s.orders {
			a.begin(t)
		}
		s.orders = s.orders[:0]
	case a.stop:
		for len(s.asked) > 0 {
			a.flushRows(true) // there will be no more
		}
		a.work.CloseStdin = true
	case s.active && len(s.asked) > 0 && !s.waiting:
		s.emitted = 0
		a.begin(turn{kind: nextTurn})
	case !s.active:
		for len(s.asked) > 0 {
			a.flushRows(true) // deactivated: there will be no more
		}
	}
}

func (a *Adapter) begin(t turn) {
	a.spout.turns = append(a.spout.turns, t.kind)
	a.work.Stdin = a.codec.appendCommand(a.work.Stdin, turnCommands[t.kind], t.id)
}

// inNext tells whether what the spout emits now is an answer to a next.
func (s *spout) inNext() bool {
	return len(s.turns) == 1 && s.turns[0] == nextTurn && len(s.asked) > 0
}

// synced takes the end of a turn.
func (a *Adapter) synced() {
	s := &a.spout
	if len(s.turns) == 0 { // pystorm says sync after an error, too
		if a.err == "" {
			a.breach(RuleTurn, "a sync, though every turn has ended")
		}
		return
	}
	a.answered = a.answered || a.err == "" // pystorm says sync after an error, too
	if s.inNext() {
		switch first := &s.asked[0]; {
		case s.emitted == 0:
			a.flushRows(true)
			s.wait = min(max(2*s.wait, firstWait), longWait)
			s.waiting = true
			a.work.Wait = s.wait
		case first.got >= first.rows:
			s.wait = 0
			a.flushRows(true)
		default:
			s.wait = 0
		}
	}
	s.turns = append(s.turns[:0], s.turns[1:]...)
	a.pump()
}

// flushRows hands over what the spout has emitted; final ends the answer to
// the oldest request.
func (a *Adapter) flushRows(final bool) {
	s, e := &a.spout, &a.emits
	final = final && len(s.asked) > 0
	answer := e.asked && len(s.asked) > 0
	if e.count > 0 && !(answer && final) {
		seq := uint32(0)
		if answer {
			seq = s.asked[0].seq
		}
		a.sendRows(seq, false)
	}
	if final {
		a.sendRows(s.asked[0].seq, true)
		s.asked = append(s.asked[:0], s.asked[1:]...)
	}
}

func (a *Adapter) sendRows(seq uint32, final bool) {
	e := &a.emits
	m := &multilang.FromChild{Type: multilang.TypeRows, Seq: seq, Final: final, First: a.spout.row, Groups: e.gather(nil)}
	a.spout.row += uint32(e.count)
	a.frame(func(b []byte) []byte { return multilang.AppendSpoutRows(b, m) })
	e.reset()
}
