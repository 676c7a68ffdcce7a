package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/tools/program"
)

// Scenarios of children that break the protocol, or speak another version of
// it. Their component is written against the protocol itself.

// rawChain is source → work → sink, where work is raw.py in some mode.
func rawChain(t *testing.T, mode, keys string) *trial {
	t.Helper()
	return newTrial(t, python, fmt.Sprintf(chain, 20_000, "python3, -S, raw.py, work, "+mode, keys))
}

// Bytes on the protocol's descriptor that are no message: the child is replaced
// at once, the report says where and what, and no tuple is lost.
func TestD02_GarbageInTheStream(t *testing.T) {
	t.Parallel()
	for mode, report := range map[string]string{
		"text":     "this is no frame",
		"zeros":    "00 00 00 00 00 00 00 00",
		"huge":     "7f ff ff ff",
		"nonsense": "protocol",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			x := rawChain(t, mode, "")
			p := x.run()
			x.replacedOnce(p, report)
			if mode != "nonsense" {
				p.says("byte ")
			}
		})
	}
}

// Garbage that looks like the head of a message swallows what follows, and
// nobody would ever know.
func TestD02_AMessageThatNeverEnds(t *testing.T) {
	t.Parallel()
	x := rawChain(t, "half", "heartbeat_timeout: 1s")
	p := x.run("--set", "spouts.source.config.n=50")
	x.arrived(50)
	x.lived("source", "sink")
	if pids := x.pids("work"); len(pids) != 2 {
		t.Errorf("the bolt had the processes %v, want two", pids)
	}
	p.says("it began a message 1s ago that has not come to its end")
}

// replacedOnce checks the end of a run in which the bolt broke the protocol once.
func (x *trial) replacedOnce(p *process, report string) {
	x.t.Helper()
	x.arrived(20_000)
	x.lived("source", "sink")
	if pids := x.pids("work"); len(pids) != 2 {
		x.t.Errorf("the bolt had the processes %v, want two", pids)
	}
	p.says(report)
}

func TestD10_MessagesThatAreWrong(t *testing.T) {
	t.Parallel()
	for mode, report := range map[string]string{
		"empty":   "protocol: ",
		"unknown": "type 40",
		"number":  "protocol: ",
		"frame":   "reply to frame 999999",
		"many":    "reply covers rows",
		"stream":  "stream",
		"width":   "protocol: ",
		"anchors": "anchors",
		"again":   "second hello",
		"finish":  "a bolt sent finish",
		"rows":    "a bolt sent rows",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			x := rawChain(t, mode, "")
			x.replacedOnce(x.run(), report)
		})
	}
	t.Run("unknown but optional", func(t *testing.T) {
		t.Parallel()
		x := rawChain(t, "optional", "")
		x.run()
		x.arrived(20_000)
		x.lived("source", "work", "sink")
	})
}

func TestD07_AMessageThatTheSDKWouldNotSend(t *testing.T) {
	t.Parallel()
	x := newTrial(t, python, `
config: {max_message_bytes: 1MiB}
spouts:
  source:
    command: [python3, texts.py, source, texts]
    config: {n: 10, text: t}
    output: [id, text]
bolts:
  work:
    command: [python3, -S, raw.py, work, large]
    inputs: [source]
    output: [id, text]
  sink:
    command: [python3, sink.py, sink]
    inputs: [work]
`)
	p := x.start()
	p.exits(3)
	x.arrived(10, 3)
	x.lived("source", "work", "sink")
	p.says("max_message_bytes is 1048576")
}

// The handshake has no keys but strings: the raw component's reader refuses others.
func TestD11_TheHandshakeHasStringKeysOnly(t *testing.T) {
	t.Parallel()
	x := rawChain(t, "plain", "config: {a: {b: [{c: 1}]}}\n    parallelism: 3")
	x.run()
	x.arrived(20_000)
	if welcome := x.lines("welcome"); !slices.Equal(welcome, []string{"work", "work", "work"}) {
		t.Errorf("the welcomes are for %q", welcome)
	}
}

func TestD12_AStrThatIsNoUTF8ArrivesAsBytes(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, `
spouts:
  source:
    command: [{texts}, source, texts]
    config: {n: 3, text: t}
    output: [id, text]
bolts:
  raw:
    command: [python3, -S, raw.py, work, texts]
    inputs: [source]
    output: [id, text]
  work:
    command: [{protocol}, work, same]
    inputs: [raw]
    output: [id, text]
  sink:
    command: [python3, notes.py, sink]
    inputs: [work]
`)
		x.run()
		got := x.lines("arrived")
		slices.Sort(got)
		if want := []string{`0 b'\xff\xfet'`, `1 b'\xff\xfet'`, `2 b'\xff\xfet'`}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestD17_StdoutClosed(t *testing.T) {
	t.Parallel()
	x := rawChain(t, "closing", "")
	x.replacedOnce(x.run(), "stdout")
}

// The host knows a process by what the system says, not by what it says of itself.
func TestD27_AChildThatLiesAboutItsPid(t *testing.T) {
	t.Parallel()
	x := rawChain(t, "liar", "")
	p := x.run() // it does not stop when it is told: somebody has to kill it
	x.arrived(20_000)
	x.lived("source", "work", "sink")
	x.gone(p, "work")
}

func TestD34_OtherVersionsAndFeatures(t *testing.T) {
	t.Parallel()
	for mode, reports := range map[string][]string{
		"old":   {"ancient 0.0 speaks version 0", "version 1"},
		"new":   {"futuristic 9.9 speaks version 2", "version 1"},
		"spout": {"work is a bolt, but the code runs a spout (raw.py:121)"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			x := rawChain(t, mode, "")
			p := x.start()
			p.exits(1)
			p.says(reports...)
			p.says("component work cannot start", "work | a line before the magic")
		})
	}
	// A child that knows nothing of heartbeats is not shot for want of them.
	t.Run("no heartbeat, unknown features", func(t *testing.T) {
		t.Parallel()
		x := rawChain(t, "features", "heartbeat_timeout: 500ms")
		p := x.run("--set", "spouts.source.config.n=500", "--set", "spouts.source.config.pause=0.5")
		x.arrived(500)
		x.lived("source", "work", "sink")
		if strings.Contains(p.err(), "ERROR") {
			t.Errorf("errors are shown:\n%s", p.err())
		}
	})
}

// Acks and fails of rows that are unknown, or done with: a warning, once.
func TestD38_OutcomesOfUnknownRows(t *testing.T) {
	t.Parallel()
	x := rawChain(t, "stray", "")
	p := x.run()
	x.arrived(20_000)
	x.lived("source", "work", "sink")
	if n := strings.Count(p.err(), "acked or failed before"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, program.Ends(p.err()))
	}
}
