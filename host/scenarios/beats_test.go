package scenarios

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/tools/program"
)

// Scenarios of the clocks that run against a child, a tuple and the host.

// Who computes, or waits, for three times the heartbeat timeout is not shot.
func TestD28_SlowIsNotDead(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		for _, mode := range []string{"napping", "computing"} {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				x := living(t, l, 100, mode, "heartbeat_timeout: 1s")
				p := x.run()
				x.arrived(100)
				x.lived("source", "work", "sink")
				if l.name == "node" && mode == "computing" { // no thread of its own beats for it
					p.says("work | WARN it has said nothing for", "uses CPU time", "process_timeout")
				}
			})
		}
	})
}

// process_timeout ends what a tuple does for too long: here, waiting for a lock
// that nobody lets go of.
func TestD28_ProcessTimeout(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 5000, "hang", "process_timeout: 1s")
		p := x.run()
		x.arrived(5000)
		x.lived("source", "sink")
		if pids := x.pids("work"); len(pids) != 2 {
			t.Errorf("the bolt had the processes %v, want two", pids)
		}
		p.says("process_timeout is 1s")
	})
}

// A stopped process is found in a second more than the heartbeat timeout.
func TestD29_AStoppedProcess(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 200, "steady", "heartbeat_timeout: 2s")
		p := x.start("--set", "spouts.source.config.pause=0.5")
		program.Eventually(t, patience, "rows arrive", func() bool { return x.size("arrived") > 0 })
		if err := syscall.Kill(x.pids("work")[0], syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		stopped := time.Now()
		p.Prints("it has been stopped (state T, as by SIGSTOP)")
		if took := time.Since(stopped); took < 2*time.Second || took > 8*time.Second { // 3 s, but for a busy machine
			t.Errorf("found after %s", took)
		}
		p.exits(0)
		x.arrived(200)
		x.lived("source", "sink")
	})
}

// Nothing is heard, and no CPU time is used: of a Node program that blocks its
// thread on a lock. (Python beats from a thread: see process_timeout.)
func TestD29_AThreadBlockedForGood(t *testing.T) {
	t.Parallel()
	x := living(t, node, 5000, "hang", "heartbeat_timeout: 1s")
	p := x.run()
	x.arrived(5000)
	x.lived("source", "sink")
	if pids := x.pids("work"); len(pids) != 2 {
		t.Errorf("the bolt had the processes %v, want two", pids)
	}
	p.says("it has neither said anything nor used any CPU time for 1s")
}

// All tuples wait in front of a bolt that takes its time with one of the first:
// its beats are not queued behind them.
func TestD30_BeatsDoNotQueueBehindData(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 100_000, "napping", "heartbeat_timeout: 1s")
		p := x.run("--set", "config.max_pending=100000")
		x.arrived(100_000)
		x.lived("source", "work", "sink")
		if strings.Contains(p.err(), "ERROR") || strings.Contains(p.err(), "WARN") {
			t.Errorf("stderr:\n%s", program.Ends(p.err()))
		}
	})
}

func TestD31_NothingIsAckedNothingEmitted(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, `
config: {acking: false, heartbeat_timeout: 1s}
spouts:
  source:
    command: [{source}, source]
    config: {n: 500, pause: 0.7}
    output: [id]
bolts:
  sink:
    command: [{life}, sink, silent]
    inputs: [source]
`)
		p := x.run() // in which the bolt has nothing to say for most of 3.5 s
		x.arrived(500)
		x.lived("source", "sink")
		if strings.Contains(p.err(), "ERROR") {
			t.Errorf("stderr:\n%s", program.Ends(p.err()))
		}
	})
}

// A spout that may not emit, for its tuples are all held somewhere, is given
// all the time there is; so is one that has nothing to emit.
func TestD32_ASpoutThatWaits(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		t.Run("at max_pending", func(t *testing.T) {
			t.Parallel()
			x := living(t, l, 1000, "holder", "tick: 100ms")
			p := x.run("--set", "config.max_pending=10", "--set", "config.heartbeat_timeout=300ms")
			x.arrived(1000)
			x.lived("source", "work", "sink")
			if strings.Contains(p.err(), "ERROR") || p.Took() < 3*time.Second {
				t.Errorf("it took %s; stderr:\n%s", p.Took(), program.Ends(p.err()))
			}
		})
		t.Run("with nothing to emit", func(t *testing.T) {
			t.Parallel()
			x := newTrial(t, l, `
config: {heartbeat_timeout: 300ms}
spouts:
  source:
    command: [{ids}, source, resting]
    config: {seconds: 3, n: 10}
    output: [id]
bolts:
  sink:
    command: [{sink}, sink]
    inputs: [source]
`)
			p := x.run()
			x.arrived(10)
			x.lived("source", "sink")
			if strings.Contains(p.err(), "ERROR") || p.Took() < 3*time.Second {
				t.Errorf("it took %s; stderr:\n%s", p.Took(), program.Ends(p.err()))
			}
		})
	})
}

// The clock on the wall may jump: in the children here, in the host by a test
// of what its code may use.
func TestD35_TheClockJumps(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 2000, "jumping", "heartbeat_timeout: 1s\n    process_timeout: 5s")
		p := x.run("--set", "spouts.source.config.pause=0.1", "--set", "config.message_timeout=5s")
		x.arrived(2000)
		x.lived("source", "work", "sink")
		if _, total := x.ids("arrived"); total != 2000 || strings.Contains(p.err(), "ERROR") {
			t.Errorf("%d rows have come of 2000; stderr:\n%s", total, program.Ends(p.err()))
		}
	})
}

// A tuple that waits in a queue, because others are slow, does not time out.
func TestD44_WaitingIsNoTimeout(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 1000, "slow", "")
		p := x.run("--set", "config.message_timeout=1s", "--set", "config.max_pending=1000") // 5 s of work
		x.arrived(1000)
		x.lived("source", "work", "sink")
		if _, total := x.ids("arrived"); total != 1000 || p.Took() < 5*time.Second {
			t.Errorf("%d rows have come of 1000, in %s", total, p.Took())
		}
	})
}

// A tuple that nobody finishes does, and the message names the one who has it.
// What it takes is bounded, however long that goes on.
func TestD39_D44_WhoNeverAcksIsNamed(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(`
config: {message_timeout: 1s, max_pending: 100}
spouts:
  source:
    command: [{source}, source]
    config: {n: %d}
    output: [id]
bolts:
  keeper:
    command: [{ids}, keeper, keeper]
    inputs: [source]
`, 1000))
		p := x.start()
		p.Prints("keeper | ERROR Timeout: keeper[2] has held a row of it for")
		program.Eventually(t, patience, "replays", func() bool { return len(x.lines("kept")) >= 300 })
		p.Signal(syscall.SIGINT)
		p.Prints("finishing what is in flight")
		p.Signal(syscall.SIGINT)
		p.exits(130)
		if ids, _ := x.ids("kept"); len(ids) != 100 {
			t.Errorf("%d different tuples came to the bolt, and max_pending is 100", len(ids))
		}
		x.lived("source", "keeper")
		x.gone(p, "source", "keeper")
	})
}
