package scenarios

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/tools/program"
)

// Scenarios of how processes begin and end.

// living is source → work → sink, where work is life in some mode.
func living(t *testing.T, l language, n int, mode, keys string) *trial {
	t.Helper()
	return newTrial(t, l, fmt.Sprintf(chain, n, "{life}, work, "+mode, keys))
}

func TestD17_EndsOfAllKinds(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		for mode, report := range map[string]string{
			"exit 0":   "exited with code 0",
			"exit 1":   "exited with code 1",
			"SIGKILL":  "was killed by SIGKILL",
			"segfault": "was killed by SIGSEGV",
		} {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				x := living(t, l, 10_000, mode, "")
				p := x.run()
				x.arrived(10_000)
				x.lived("source", "sink")
				if pids := x.pids("work"); len(pids) != 2 {
					t.Errorf("the bolt had the processes %v, want two", pids)
				}
				p.says(report, "last words", "folder: ", "interpreter: ")
			})
		}
	})
}

func TestD18_OneOfTenCrashesAllTheTime(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 5000, "tenth", "parallelism: 10")
		p := x.run("--set", "spouts.source.retries=50", "--set", "spouts.source.config.pause=0.1")
		x.arrived(5000)
		x.lived("source", "sink")
		births, rows := map[string]int{}, map[string]int{}
		for _, index := range x.lines("indexes") {
			births[index]++
		}
		for _, index := range x.lines("rows") {
			rows[index]++
		}
		for i := range 10 {
			switch index := fmt.Sprint(i); {
			case i == 3 && births[index] < 2:
				t.Errorf("the process that dies has begun %d times only", births[index])
			case i != 3 && (births[index] != 1 || rows[index] < 50):
				t.Errorf("process %d has begun %d times and had %d rows: it should have one life and a share of 5000", i, births[index], rows[index])
			}
		}
		p.says("crash loop, ", "deaths: trial/work[5]", "exited with code 9")
	})
}

func TestD19_NoHandshake(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		for mode, says := range map[string][]string{
			"asleep": {"I am so tired", "startup_timeout", "the SDK is loaded", "does the script call run()", "component work cannot start"},
			"forgot": {"that was all", "run()", "component work cannot start"},
		} {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				x := living(t, l, 10, mode, "startup_timeout: 15s")
				p := x.start()
				p.exits(1)
				p.says(says...)
				x.gone(p, "source", "work", "sink")
			})
		}
	})
}

func TestD20_FiftySlowStartsAtOnce(t *testing.T) {
	t.Parallel()
	x := living(t, python, 1000, "late", "parallelism: 50\n    heartbeat_timeout: 1s\n    startup_timeout: 10m")
	p := x.run("--set", "config.startup_timeout=10m")
	x.arrived(1000)
	if pids := x.pids("work"); len(pids) > 50 { // fewer, if all was done before the last had begun
		t.Errorf("%d processes were started for 50 tasks:\n%s", len(pids), program.Ends(p.err()))
	}
}

func TestD21_AnErrorThatCannotBeTold(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 100, "unspeakable", "")
		p := x.start("--set", "spouts.source.retries=0")
		p.exits(3)
		x.arrived(100, 5, 6)
		x.lived("source", "work", "sink")
		p.says(map[string]string{"python": "Unspeakable: <its __str__ raised RuntimeError>", "node": "cannot be shown"}[l.name], "lone")
	})
}

// An error of a healthy child that writes nothing to stderr holds nobody up.
func TestD22_D36_AnExceptionFailsItsTupleOnly(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 10_000, "failing", "")
		p := x.start()
		p.exits(3)
		x.arrived(10_000, 5)
		x.lived("source", "work", "sink")
		p.says("five is right out", "life"+l.extension)
		if d := x.lines("dead.jsonl"); len(d) != 1 || !strings.Contains(d[0], `"attempts":4`) || !strings.Contains(d[0], "five is right out") || !strings.Contains(d[0], `"failed_in":"work"`) {
			t.Errorf("dead.jsonl is %s", d)
		}
	})
}

// Ctrl-C while queues are full: the spout stops, everything else is finished.
func TestD23_InterruptWithFullQueues(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 100_000, "slow", "")
		p := x.start("--set", "config.max_pending=500")
		program.Eventually(t, patience, "rows arrive", func() bool { return x.size("arrived") > 0 })
		p.Signal(syscall.SIGINT)
		p.exits(0)
		if strings.Contains(p.err(), "ERROR") || !strings.Contains(p.err(), "finishing what is in flight") {
			t.Errorf("stderr:\n%s", program.Ends(p.err()))
		}
		ids, total := x.ids("arrived")
		if want := fmt.Sprintf("acked %d failed 0 dead 0", total); len(ids) != total || total >= 100_000 || lastLine(p.out()) != want {
			t.Errorf("%d ids in %d rows have arrived; the summary says %s", len(ids), total, lastLine(p.out()))
		}
		x.lived("source", "work", "sink")
		x.gone(p, "source", "work", "sink")
	})
}

func TestD24_ACrashAtEveryStart(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := living(t, l, 10, "crash", "")
		p := x.start()
		p.exits(1)
		p.says("component work cannot start", "it needs what is not there")
		if n := strings.Count(p.err(), "command: ["); n != 1 {
			t.Errorf("the end of the process is told %d times, want once:\n%s", n, p.err())
		}
		if n := strings.Count(p.err(), "work | ERROR"); n > 3 {
			t.Errorf("%d errors for three deaths:\n%s", n, p.err())
		}
		if pids := x.pids("work"); len(pids) != 3 {
			t.Errorf("the bolt had the processes %v, want three", pids)
		}
	})
}

func TestD26_StopWithTuplesInFlight(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		for _, c := range []struct {
			name    string
			seconds int
			last    bool // its last word arrives
		}{{"on_stop takes its time", 2, true}, {"on_stop does not end", 600, false}} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				x := living(t, l, 100_000, "lingering", "config: {seconds: "+fmt.Sprint(c.seconds)+"}")
				p := x.start("--set", "config.max_pending=100")
				program.Eventually(t, patience, "rows arrive", func() bool { return x.size("arrived") > 0 })
				p.Signal(syscall.SIGINT)
				program.Eventually(t, patience, "the bolt stops", func() bool { return x.size("stopping") > 0 })
				stopping := time.Now()
				p.exits(0)
				if took := time.Since(stopping); took > 60*time.Second {
					t.Errorf("it took %s to stop", took)
				}
				ids, total := x.ids("arrived")
				if ids[-1] != c.last {
					t.Errorf("the last word has arrived: %v, want %v", ids[-1], c.last)
				}
				if ids[-1] {
					total--
				}
				if want := fmt.Sprintf("acked %d failed 0 dead 0", total); lastLine(p.out()) != want {
					t.Errorf("the summary says %q, the sink had %d", lastLine(p.out()), total)
				}
				if !c.last {
					p.says("did not stop within")
				}
				x.gone(p, "source", "work", "sink")
			})
		}
	})
}
