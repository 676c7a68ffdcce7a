package scenarios

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/tools/program"
)

// tuples is how many go through each faulty bolt.
const tuples = 100_000

// fault is something that a bolt does, or that is done to it.
type fault struct {
	name   string
	mode   string // of the component
	random bool   // some tuples may fail often
	dead   []int  // ids that must be given up; no others may

	pause  string // of the source, now and then, in seconds
	work   string // more keys of the bolt
	inputs string // of the bolt; the source if empty
	output string // of the bolt; [id] if empty
	rest   string // the other bolts; the usual sink if empty

	during func(x *trial, p *process)             // what is done to it
	after  func(x *trial, l language, p *process) // what more must hold
}

const usualSink = `
  sink:
    command: [{sink}, sink]
    inputs: [work]`

const cycle = usualSink + `
  back:
    command: [{back}, back]
    inputs: [{from: work, stream: again}]
    output: [id, depth]`

const partsSink = `
  sink:
    command: [{parts}, sink]
    config: {big: 50000, parts: 1000000}
    inputs: [work]`

var faults = []fault{
	{name: "print in a loop", mode: "chatty", after: everyLineIsShownOrCounted},
	{name: "a megabyte to stderr", mode: "noisy", after: megabytesAreShown},
	{name: "garbage on the protocol descriptor", mode: "garbage", random: true, after: deathsAreShownOnce},
	{name: "an exception on 1 in 100", mode: "raising", random: true, after: errorsAreShownOnce},
	{name: "exit on 1 in 1000", mode: "exiting", random: true, work: "parallelism: 4", after: deathsAreShownOnce},
	{name: "SIGKILL at random", mode: "steady", random: true, pause: "0.003", during: killAtRandom, after: deathsAreShownOnce},
	{name: "SIGSTOP", mode: "steady", pause: "0.001", work: "heartbeat_timeout: 1s", during: stopOne, after: deathsAreShownOnce},
	{name: "an emit that cannot be serialised", mode: "unserialisable", random: true, after: errorsAreShownOnce},
	{name: "a poison tuple", mode: "poisoned", dead: []int{77_777}, after: deathsAreShownOnce},
	{name: "a join that holds 5000 rows", mode: "join", work: "tick: 300ms"},
	{name: "a cycle that amplifies", mode: "amplify", inputs: "source, back", output: "{default: [id], again: [id, depth]}", rest: cycle},
	{name: "one row that emits a million", mode: "million", output: "[id, part]", rest: partsSink, after: allParts},
}

// Each fault leaves nobody else worse off: all tuples arrive, but for the one
// that is to blame itself, and no other process is touched.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) { bothLanguages(t, f.test) })
	}
}

func (f fault) test(t *testing.T, l language) {
	retries := 3
	if f.random {
		retries = 50
	}
	x := newTrial(t, l, fmt.Sprintf(`
spouts:
  source:
    command: [{source}, source]
    config: {n: %d, pause: %s}
    output: [id]
    retries: %d
bolts:
  work:
    command: [{faults}, work, %s]
    inputs: [%s]
    output: %s
    %s%s
`, tuples, or(f.pause, "0"), retries, f.mode, or(f.inputs, "source"), or(f.output, "[id]"), f.work, or(f.rest, usualSink)))
	p := x.start()
	if f.during != nil {
		f.during(x, p)
	}
	code := 0
	if f.dead != nil {
		code = 3
	}
	p.exits(code)
	x.arrived(tuples, f.dead...)
	x.lived("source", "sink")
	if f.after != nil {
		f.after(x, l, p)
	} else {
		x.lived("work")
	}
	t.Logf("%s, %d MiB at most in one process, %d processes of the bolt, %s", p.Took().Round(10*time.Millisecond), p.peak()>>20, len(x.pids("work")), lastLine(p.out()))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// killAtRandom kills the bolt's process ten times.
func killAtRandom(x *trial, _ *process) {
	for n := range 10 {
		pid := x.born("work", n+1)
		more := x.size("arrived") + 1 + rand.Int64N(20_000) // bytes: a few thousand tuples
		program.Eventually(x.t, patience, "the topology moves", func() bool { return x.size("arrived") > more })
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			x.t.Fatalf("the bolt is gone already, after %d kills: %v", n, err)
		}
	}
}

// stopOne stops the bolt's process, which never finds out.
func stopOne(x *trial, p *process) {
	pid := x.born("work", 1)
	program.Eventually(x.t, patience, "the topology moves", func() bool { return x.size("arrived") > 1000 })
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		x.t.Fatal(err)
	}
	x.born("work", 2)
	p.Prints("it has been stopped (state T, as by SIGSTOP)")
}

var suppressed = regexp.MustCompile(`\[(\d+) lines suppressed`)

// everyLineIsShownOrCounted checks that a flood is cut short by no more than it says.
func everyLineIsShownOrCounted(x *trial, _ language, p *process) {
	x.lived("work")
	shown := strings.Count(p.err(), "chatter ")
	all := shown
	for _, m := range suppressed.FindAllStringSubmatch(p.err(), -1) {
		n, _ := strconv.Atoi(m[1])
		all += n
	}
	if all != tuples || shown < 10_000 {
		x.t.Errorf("%d of %d lines are shown, %d are shown or counted", shown, tuples, all)
	}
}

func megabytesAreShown(x *trial, _ language, p *process) {
	x.lived("work")
	if n := strings.Count(p.err(), strings.Repeat("x", 1023)+"\n"); n != 3*1024 {
		x.t.Errorf("%d KiB of 3 MiB are shown", n)
	}
}

// errorsAreShownOnce checks that an error that comes again and again is shown
// with its traceback once, and after that in a line a second, with the count.
func errorsAreShownOnce(x *trial, l language, p *process) {
	x.lived("work")
	if n := strings.Count(p.err(), "/faults"+l.extension) + strings.Count(p.err(), "<polybolt function>"); n != 1 {
		x.t.Errorf("the place of the error is shown %d times, want once, in the traceback:\n%s", n, program.Ends(p.err()))
	}
	if shown, most := strings.Count(p.err(), "ERROR"), 2+int(p.Took()/time.Second); shown > most {
		x.t.Errorf("%d errors are shown in %s, want %d at most", shown, p.Took(), most)
	}
	if got, want := summary(x.t, p, "work", "ERRORS"), len(x.lines("did")); got != want {
		x.t.Errorf("the summary counts %d errors, there were %d", got, want)
	}
}

// deathsAreShownOnce is the same for processes that end.
func deathsAreShownOnce(x *trial, _ language, p *process) {
	if n := strings.Count(p.err(), "command: ["); n != 1 {
		x.t.Errorf("%d ends of processes are shown with their record, want 1:\n%s", n, program.Ends(p.err()))
	}
	// A task that died last need not have been started again.
	births, tasks := len(x.pids("work")), summary(x.t, p, "work", "TASKS")
	if got := summary(x.t, p, "work", "RESTARTS"); got > births || got < births-tasks {
		x.t.Errorf("the summary counts %d restarts, there were %d processes of %d tasks", got, births, tasks)
	}
}

// summary returns a number of the table at the end of a run.
func summary(t *testing.T, p *process, component, column string) int {
	t.Helper()
	at := -1
	for _, line := range strings.Split(p.out(), "\n") {
		if i := strings.Index(line, column); i >= 0 {
			at = i + len(column) // figures are set to the right
		}
		if cells := strings.Fields(line); at >= 0 && len(cells) > 0 && cells[0] == component && len(line) >= at {
			cells = strings.Fields(line[:at])
			n, err := strconv.Atoi(cells[len(cells)-1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s of %s in\n%s", column, component, p.out())
	return 0
}

func allParts(x *trial, _ language, p *process) {
	x.lived("work")
	if got := x.lines("parts"); len(got) != 1 || got[0] != "1000000" {
		x.t.Errorf("of a million parts %s have arrived", got)
	}
	if peak := p.peak() >> 20; peak > 200 {
		x.t.Errorf("a process took %d MiB", peak)
	}
}
