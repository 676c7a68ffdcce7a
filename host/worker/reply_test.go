package worker

import (
	"encoding/binary"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// A row that ends out of its turn in the very reply that covers it is settled
// once: not by being covered, too.
func TestRowsSettledByTheReplyThatCoversThem(t *testing.T) {
	t.Parallel()
	var acked multilang.U32s
	for _, n := range []uint32{7, 12, 7, 14, 6, 11, 7, 9} { // of this frame: covered, not yet, another's, and before
		acked = binary.LittleEndian.AppendUint32(acked, n)
	}
	m := &multilang.FromChild{Seq: 7, First: 10, N: 4, Acked: acked}
	m.Late = []multilang.RowError{{Seq: 7, Row: 13}, {Seq: 8, Row: 10}}
	in := &input{acked: m.N}
	f := &frame{seq: 7, n: 20, covered: 10, done: map[int]bool{11: true, 15: true}}
	if err := new(task).markOpen(f, m, in); err != nil {
		t.Fatal(err)
	}
	if want := map[int]bool{1: true, 2: true, 3: true}; !maps.Equal(in.open, want) { // rows 11, 12 and 13
		t.Errorf("open are %v, not %v", in.open, want)
	}
}

// hasty covers each frame in one reply, which says of the first row of the first
// frame that it failed out of its turn.
func hasty() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeData {
			return nil
		}
		reply := multilang.FromChild{Seq: m.Seq, N: m.N}
		if m.Seq == 1 {
			reply.Late = []multilang.RowError{{Seq: 1, Row: 0, Err: multilang.Error{Kind: "fail"}}}
		}
		return c.Reply(&reply)
	})
}

// A row that fails out of its turn in the very reply that covers it has failed:
// its tuple is replayed at once, and waits for no timeout.
func TestARowFailsInTheReplyThatCoversIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {message_timeout: 10m}
spouts:
  few:
    component: few
    output: [n, text]
bolts:
  hasty:
    component: hasty
    inputs: [few]
`)
	if s := f.run(); s != (Summary{Acked: 200, Failed: 1}) {
		t.Errorf("%+v", s)
	}
	if bolt := f.Snapshot().Tasks[1]; bolt.Acked != 200 || bolt.Failed != 1 || bolt.Strays != 0 {
		t.Errorf("%+v", bolt)
	}
}

// talkative answers a tick with more than a message may hold.
func talkative() error {
	told := false
	return multilangtest.RunBolt(func(*multilangtest.Child, []any) ([][]any, error) { return nil, nil }, func() [][]any {
		if told {
			return nil
		}
		told = true
		return [][]any{{strings.Repeat("x", 200_000)}}
	}, nil)
}

// What is lost with a message beyond the limit is told, also if no row fails with it.
func TestATickThatSaysTooMuchIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {max_message_bytes: 64KiB}
spouts:
  waits:
    component: waits
    output: [n, text]
bolts:
  talkative:
    component: talkative
    inputs: [waits]
    output: [text]
    tick: 20ms
`)
	x := f.failure(func(x Failure) bool { return x.Component == "talkative" })
	if x.Type != "MessageTooLarge" || !strings.HasSuffix(x.Message, " bytes; max_message_bytes is 65536") {
		t.Errorf("%+v", x)
	}
}

// breaks passes its rows on; its first reply does so, too, and then breaks the protocol.
func breaks() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	_, err = os.Stat("broken")
	broken := err == nil
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeData {
			return nil
		}
		group := multilangtest.Group(0, multilangtest.RowsOf(m)...)
		group.How = multilang.AnchorEach
		reply := multilang.FromChild{Seq: m.Seq, N: m.N, Groups: []multilang.Group{group}}
		if !broken {
			wrong := multilangtest.Group(0, []any{1, "a"}, []any{2, "b"}, []any{3, "c"})
			wrong.How = multilang.AnchorEach
			reply.Groups = append(reply.Groups, wrong)
			if err := os.WriteFile("broken", nil, 0o600); err != nil {
				return err
			}
		}
		return c.Reply(&reply)
	})
}

// A reply that breaks the protocol is refused as a whole: nothing of it goes out
// with the first reply of the next child.
func TestNothingIsLeftOfABrokenReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  two:
    component: two
    output: [n, text]
bolts:
  breaks:
    component: breaks
    inputs: [two]
    output: [n, text]
  sink:
    component: sink
    inputs: [breaks]
`)
	s := f.run()
	if got := f.out("sink"); s.Acked != 2 || len(got) != 2 {
		t.Errorf("%+v, and the sink has got %q", s, got)
	}
}
