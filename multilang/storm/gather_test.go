package storm

import (
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang"
)

// gathering returns a ready bolt with a frame of two rows, whose emits all go to task 7.
func gathering(t *testing.T) *Adapter {
	t.Helper()
	a := New(Options{Component: "c", Inputs: []Input{{"a", "default"}}, Outputs: []Output{{Stream: "default", Fields: []string{"x"}, Tasks: multilang.U32s{7, 0, 0, 0}}}})
	b, at := multilang.BeginFrame(nil)
	b = multilang.AppendDataHead(b, 1, 0, 4, 2, false)
	b = multilang.AppendColumns(b, []multilang.Column{{Kind: multilang.KindStr, Data: []byte("x\x00y")}})
	say(t, a, `{"pid":1}`)
	if err := a.Host(multilang.EndFrame(b, at)); err != nil {
		t.Fatal(err)
	}
	a.Take()
	return a
}

func say(t *testing.T, a *Adapter, message string) {
	t.Helper()
	text := []byte(message + jsonEnd)
	if used, _, err := a.Child(text); err != nil || used != len(text) {
		t.Fatal(used, err)
	}
}

// What one row leads to is handed over with what follows soon; its task ids are answered at once.
func TestEmitsAreGathered(t *testing.T) {
	t.Parallel()
	a := gathering(t)
	for i := range 3 {
		say(t, a, `{"command":"emit","anchors":["2"],"tuple":["w"]}`)
		w := a.Take()
		if string(w.Stdin) != "[7]"+jsonEnd || len(w.Frames) > 0 || !w.Awaited || (w.Wait == gatherWait) != (i == 0) {
			t.Fatalf("emit %d: stdin %q, awaited %t, %d bytes of frames, wait %s", i, w.Stdin, w.Awaited, len(w.Frames), w.Wait)
		}
	}
	say(t, a, `{"command":"ack","id":"2"}`)
	if w := a.Take(); len(w.Frames) > 0 || w.Awaited {
		t.Errorf("%d bytes of frames while a row is in the child; it awaits something: %t", len(w.Frames), w.Awaited)
	}
	a.Wake()
	if got := frames(t, a); got != "reply 1 first 0 rows 1; stream 0 ends[3] [w] [w] [w]" {
		t.Error(got)
	}
	say(t, a, `{"command":"emit","anchors":["4"],"tuple":["w"]}`)
	say(t, a, `{"command":"ack","id":"4"}`) // nothing is left in the child: nothing is waited for
	if got := frames(t, a); got != "reply 1 first 1 rows 1; stream 0 ends[1] [w]" {
		t.Error(got)
	}
	if w := a.Take(); w.Wait != 0 {
		t.Errorf("wait %s", w.Wait)
	}
}

// frames returns what the host is given, a message a line.
func frames(t *testing.T, a *Adapter) string {
	t.Helper()
	d := multilang.Decoder{Level: multilang.Columns, Fields: []int{1}}
	s := multilang.Splitter{Limit: 1 << 20, Started: true}
	var lines []string
	for b := a.Take().Frames; len(b) > 0; {
		piece, err := s.Next(b)
		if err != nil {
			t.Fatal(err)
		}
		b = b[piece.Used:]
		var m multilang.FromChild
		if err := d.Decode(piece.Body, &m); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, show(&m))
	}
	return strings.Join(lines, "\n")
}
