package worker

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang/storm"
)

// stuck tells an error, and then nothing more.
func stuck() {
	fmt.Print("{\"command\":\"error\",\"msg\":\"Boom: it hangs\"}\nend\n")
	time.Sleep(time.Hour)
}

// classicBolt is a bolt that was written for Storm, and never acks.
func classicBolt(process func()) error {
	say := func(text string) error {
		_, err := fmt.Printf("%s\nend\n", text)
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var err error
		switch text := lines.Text(); {
		case strings.Contains(text, `"pidDir"`):
			err = say(fmt.Sprintf(`{"pid":%d}`, os.Getpid()))
		case strings.Contains(text, `"__heartbeat"`):
			err = say(`{"command":"sync"}`)
		case strings.Contains(text, `"tuple"`):
			process()
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

// Rows that a bolt never acks are forgotten once their time is over, tracked or
// not: by the worker, and by what stands between it and a component of Storm's.
func TestNeverAckedIsForgotten(t *testing.T) {
	t.Parallel()
	for _, acking := range []bool{true, false} {
		t.Run(fmt.Sprintf("acking %t", acking), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, fmt.Sprintf(`
name: t
config: {message_timeout: 300ms, acking: %t}
spouts:
  few:
    component: few
    retries: 0
    output: [n, text]
bolts:
  forgets:
    component: forgets
    protocol: storm-json
    inputs: [few]
`, acking), func(o *Options) { o.Finite = false })
			ctx, cancel := context.WithCancel(t.Context())
			go func() { f.result <- f.Run(ctx) }()
			defer func() { cancel(); <-f.result }()
			kept := func() (received int64, rows, ofStorm int) {
				for _, task := range f.allTasks() {
					if task.ledger != nil {
						continue
					}
					task.mu.Lock()
					if task.process != nil {
						task.process.do(func(a *storm.Adapter) { ofStorm = a.Keeps() })
					}
					received, rows = task.stats.received.Load(), len(task.held)
					task.mu.Unlock()
				}
				return received, rows, ofStorm
			}
			most, rows, ofStorm, received := 0, 0, 0, int64(0)
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && (most == 0 || rows+ofStorm > 0 || received < 200); time.Sleep(5 * time.Millisecond) { // polls
				received, rows, ofStorm = kept()
				most = max(most, rows, ofStorm)
			}
			if most == 0 || rows+ofStorm > 0 {
				t.Errorf("%d of at most %d rows are remembered still, %d by the adapter", rows, most, ofStorm)
			}
		})
	}
}

// An error that no failed row follows is told soon, even if its child says nothing more.
func TestErrorOfAStuckChildIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  few:
    component: few
    output: [n, text]
bolts:
  stuck:
    component: stuck
    protocol: storm-json
    inputs: [few]
`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { f.result <- f.Run(ctx) }()
	defer func() { cancel(); <-f.result }()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) { // polls
		f.seen.mu.Lock()
		told := slices.ContainsFunc(f.seen.failures, func(x Failure) bool { return x.Type == "Boom" })
		f.seen.mu.Unlock()
		if told {
			return
		}
	}
	t.Errorf("it is not told: %+v", f.seen.failures)
}
