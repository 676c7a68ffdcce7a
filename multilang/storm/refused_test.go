package storm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang"
)

// asking returns a ready bolt with a frame of two rows, whose emits the host routes.
func asking(t *testing.T, limit int) *Adapter {
	t.Helper()
	a := New(Options{Component: "c", Limit: limit, Inputs: []Input{{"a", "default"}}, Outputs: []Output{{Stream: "default", Fields: []string{"x"}}}})
	say(t, a, `{"pid":1}`)
	give(t, a, 1)
	a.Take()
	return a
}

// give writes a frame of two rows.
func give(t *testing.T, a *Adapter, seq uint32) {
	t.Helper()
	b, at := multilang.BeginFrame(nil)
	b = multilang.AppendDataHead(b, seq, 0, 4, 2, false)
	b = multilang.AppendColumns(b, []multilang.Column{{Kind: multilang.KindStr, Data: []byte("x\x00y")}})
	if err := a.Host(multilang.EndFrame(b, at)); err != nil {
		t.Fatal(err)
	}
}

func order(t *testing.T, a *Adapter, body []byte) {
	t.Helper()
	b, at := multilang.BeginFrame(nil)
	if err := a.Host(multilang.EndFrame(append(b, body...), at)); err != nil {
		t.Fatal(err)
	}
}

// An emit that cannot go out fails what it is anchored to: a tick is no row.
func TestAnchorToATickFailsNoRow(t *testing.T) {
	t.Parallel()
	a := gathering(t)
	for range 2 {
		order(t, a, multilang.AppendSignal(nil, multilang.TypeTick))
	}
	tick := fmt.Sprint(tickID(1))
	say(t, a, `{"command":"emit","stream":"nowhere","anchors":["`+tick+`"],"tuple":["w"]}`)
	say(t, a, `{"command":"ack","id":"2"}`)
	say(t, a, `{"command":"ack","id":"4"}`)
	got := frames(t, a)
	if strings.Contains(got, "failed") || !strings.Contains(got, "error EmitError: ") || !strings.Contains(got, "reply 1 first 0 rows 2") {
		t.Errorf("an emit anchored to the tick %s is refused: %s", tick, got)
	}
}

// An error is told before a tick is failed, or what is done with already: no row carries it.
func TestErrorBeforeTheFailOfNoRow(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"1", "2"} { // a tick, and a row that was acked
		a := gathering(t)
		order(t, a, multilang.AppendSignal(nil, multilang.TypeTick))
		say(t, a, `{"command":"ack","id":"2"}`)
		a.Wake()
		a.Take()
		say(t, a, `{"command":"error","msg":"Boom: it went wrong"}`)
		say(t, a, `{"command":"fail","id":"`+id+`"}`)
		if got := frames(t, a); !strings.Contains(got, "error Boom: it went wrong") {
			t.Errorf("error, then fail of %s: the host is told %q", id, got)
		}
	}
}

// Task ids come in the order of the emits, even for one that cannot go out.
func TestTaskIDsInOrder(t *testing.T) {
	t.Parallel()
	a := asking(t, 0)
	text := `{"command":"emit","anchors":["2"],"tuple":["w"]}` + jsonEnd + `{"command":"emit","stream":"nowhere","anchors":["2"],"tuple":["w"]}` + jsonEnd + `{"command":"emit","anchors":["2"],"tuple":["w"]}` + jsonEnd
	if _, _, err := a.Child([]byte(text)); err != nil {
		t.Fatal(err)
	}
	stdin := string(a.Take().Stdin)
	for i := range uint32(2) {
		order(t, a, multilang.AppendTasks(nil, i+1, []uint32{7 + i}))
		stdin += string(a.Take().Stdin)
	}
	if want := "[7]" + jsonEnd + "[]" + jsonEnd + "[8]" + jsonEnd; stdin != want {
		t.Errorf("%q, not %q", stdin, want)
	}
}

// What is gathered never makes a message that the host refuses for its size.
func TestGatheredWithinTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 300 << 10
	a := gathering(t)
	a.o.Limit = limit
	large := func(n int) string {
		return `{"command":"emit","anchors":["2"],"tuple":["` + strings.Repeat("w", n) + `"]}` + jsonEnd
	}
	text := strings.Repeat(large(1<<10), 200) + large(limit-100)
	if _, _, err := a.Child([]byte(text)); err != nil {
		t.Fatal(err)
	}
	a.Wake()
	s := multilang.Splitter{Limit: limit + multilang.FrameSlack, Started: true}
	for b := a.Take().Frames; len(b) > 0; {
		p, err := s.Next(b)
		if err != nil || p.Kind != multilang.Frame {
			t.Fatalf("a message of %d bytes, limit %d: %v", p.Size, limit, err)
		}
		b = b[p.Used:]
	}
}

// Rows that fail with long texts are told in as many messages as it takes.
func TestFailuresWithinTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 100 << 10
	a := asking(t, limit)
	b, at := multilang.BeginFrame(nil)
	b = multilang.AppendDataHead(b, 2, 0, 4, 20, false)
	b = multilang.AppendColumns(b, []multilang.Column{{Kind: multilang.KindStr, Data: []byte("x" + strings.Repeat("\x00x", 19))}})
	if err := a.Host(multilang.EndFrame(b, at)); err != nil {
		t.Fatal(err)
	}
	text := ""
	for row := range 20 {
		text += `{"command":"error","msg":"` + strings.Repeat("t", 30<<10) + `\nBoom: no"}` + jsonEnd + fmt.Sprintf(`{"command":"fail","id":"%d"}`, 2*row+6) + jsonEnd
	}
	if _, _, err := a.Child([]byte(text)); err != nil {
		t.Fatal(err)
	}
	failed := 0
	s, d := multilang.Splitter{Limit: limit + multilang.FrameSlack, Started: true}, multilang.Decoder{Level: multilang.Columns, Fields: []int{1}}
	for b := a.Take().Frames; len(b) > 0; {
		p, err := s.Next(b)
		if err != nil || p.Kind != multilang.Frame {
			t.Fatalf("a message of %d bytes, limit %d: %v", p.Size, limit, err)
		}
		b = b[p.Used:]
		var m multilang.FromChild
		if err := d.Decode(p.Body, &m); err != nil {
			t.Fatal(err)
		}
		failed += len(m.Failed)
	}
	if failed != 20 {
		t.Errorf("%d rows have failed", failed)
	}
}
