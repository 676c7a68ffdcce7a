package multilangtest

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// Process handles one row of a bolt: it returns what to emit on the default
// stream. An error fails the row.
type Process func(c *Child, row []any) ([][]any, error)

// RunBolt serves a bolt until the host says stop or hangs up. stop, if it is
// not nil, returns what to emit at the end; tick what to emit at a tick.
func RunBolt(process Process, tick, stop func() [][]any) error {
	c, err := Start("bolt")
	if err != nil {
		return err
	}
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		switch m.Type {
		case multilang.TypeData:
			return c.process(m, process)
		case multilang.TypeTick:
			return c.unasked(tick)
		case multilang.TypeStop:
			return c.unasked(stop)
		}
		return nil
	})
}

func (c *Child) process(m *multilang.ToChild, process Process) error {
	reply := multilang.FromChild{Seq: m.Seq, N: m.N}
	var out [][]any
	var ends multilang.U32s
	began := time.Now()
	for i, row := range RowsOf(m) {
		emitted, err := process(c, row)
		if err != nil {
			reply.Failed = append(reply.Failed, multilang.RowError{Row: i, Err: multilang.Error{Kind: "exception", Type: fmt.Sprintf("%T", err), Message: err.Error(), Place: "test:1"}})
		}
		out = append(out, emitted...)
		ends = binary.LittleEndian.AppendUint32(ends, uint32(len(out)))
	}
	if c.Welcome.Took {
		reply.Took = int64(time.Since(began))
	}
	if len(out) > 0 {
		g := Group(0, out...)
		g.How, g.Anchors = multilang.AnchorEnds, ends
		reply.Groups = []multilang.Group{g}
	}
	return c.Reply(&reply)
}

func (c *Child) unasked(rows func() [][]any) error {
	if rows == nil {
		return nil
	}
	out := rows()
	if len(out) == 0 {
		return nil
	}
	return c.Reply(&multilang.FromChild{Groups: []multilang.Group{Group(0, out...)}})
}

// Spout is what RunSpout serves.
type Spout struct {
	Next     func() []any // the next row; nil: there are no more
	Outcomes bool         // rows want an outcome
	Replays  bool         // the spout replays failed rows by itself
	Acked    func(row uint32)
	Failed   func(row uint32)
	Dead     func(row uint32)
}

// RunSpout serves a spout until the host says stop or hangs up.
func RunSpout(s Spout) error {
	c, err := Start("spout")
	if err != nil {
		return err
	}
	finished := false
	return c.Serve(multilang.Ready{Replays: s.Replays}, func(m *multilang.ToChild) (err error) {
		switch m.Type {
		case multilang.TypeNext:
			finished, err = c.answer(m, &s, finished)
		case multilang.TypeOutcome:
			tell(m.Acked, s.Acked)
			tell(m.Failed, s.Failed)
			tell(m.Dead, s.Dead)
		}
		return err
	})
}

func tell(rows multilang.U32s, f func(uint32)) {
	for i := range rows.Len() {
		if f != nil {
			f(rows.At(i))
		}
	}
}

func (c *Child) answer(m *multilang.ToChild, s *Spout, finished bool) (bool, error) {
	var rows [][]any
	done := finished
	for len(rows) < m.N && !done {
		row := s.Next()
		if row == nil {
			done = true
			break
		}
		rows = append(rows, row)
	}
	out := multilang.FromChild{Seq: m.Seq, Final: true}
	if len(rows) > 0 {
		g := Group(0, rows...)
		if s.Outcomes {
			g.How = multilang.AnchorEach
		}
		out.Groups = []multilang.Group{g}
	}
	if err := c.Rows(&out); err != nil {
		return done, err
	}
	if done && !finished {
		return true, c.Finish()
	}
	return done, nil
}

// Main runs the component that the environment variable names, if it names
// one, and exits. Call it first in TestMain: the tests' children are the test
// binary itself.
func Main(variable string, components map[string]func() error) {
	name := os.Getenv(variable)
	if name == "" {
		return
	}
	run, ok := components[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no test component %q\n", name)
		os.Exit(2)
	}
	if err := run(); err != nil && err.Error() != "EOF" {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}
