package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/tools/program"
)

// Scenarios of batches, ticks, task ids and requests by signal.

// An exception fails its batch, a fail its tuple, nothing else; ticks come
// meanwhile, from the first on, and never in a batch.
func TestD46_D47_D48_D49_BatchesFailAlone(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(chain, 5000, "{groups}, work, batches", "batch: {max: 50, wait: 20ms}\n    tick: 50ms"))
		p := x.run("--set", "spouts.source.config.pause=0.02")
		x.arrived(5000)
		x.lived("source", "work", "sink")
		refused := strings.Fields(strings.Join(x.lines("refused"), " "))
		rows := map[string]int{}
		for _, id := range x.lines("arrived") {
			rows[id]++
		}
		for id, n := range rows {
			if n != 1 {
				t.Errorf("tuple %s has arrived %d times", id, n)
			}
		}
		if want := fmt.Sprintf("acked 5000 failed %d dead 0", len(refused)+1); lastLine(p.out()) != want {
			t.Errorf("a batch of %d and one tuple have failed; the summary says %q", len(refused), lastLine(p.out()))
		}
		for _, n := range x.lines("batches") {
			if size, err := strconv.Atoi(n); err != nil || size < 1 || size > 50 {
				t.Errorf("a batch of %s (%v)", n, err)
			}
		}
		if ticks, _ := x.ids("ticks"); ticks[0] || len(ticks) != 1 {
			t.Errorf("it had %v ticks", ticks)
		}
		p.says("not this batch", "not this tuple")
	})
}

// Batches are as large as was asked for, though each takes the bolt much longer
// than a frame is to take, and the rows of two streams come in turn: no batch
// that is sent because it has waited is among them.
func TestBatchesAreFull(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		const n, most = 2400, 400
		x := newTrial(t, l, fmt.Sprintf(`
spouts:
  rows:
    command: [{bulk}, rows, rows]
    config: {n: %d, batches: %d}
    output: [id]
bolts:
  fork:
    command: [{bulk}, fork, fork]
    inputs: [rows]
    output: {default: [id], more: [id]}
  write:
    command: [{bulk}, write, write]
    inputs: [fork, {from: fork, stream: more}]
    batch: {max: %d, wait: 29s}
`, n, 2*n/most, most))
		x.run()
		want := slices.Repeat([]string{strconv.Itoa(most)}, 2*n/most)
		if sizes := x.lines("sizes"); !slices.Equal(sizes, want) {
			t.Errorf("batches of %v", sizes)
		}
	})
}

// Every emit waits to hear where it went, while the next bolt cannot follow.
func TestD51_TaskIdsWithAFullInbox(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, `
spouts:
  source:
    command: [{source}, source]
    config: {n: 1000}
    output: [id]
bolts:
  work:
    command: [{groups}, work, asking]
    inputs: [source]
    output: [id]
  slow:
    command: [{life}, slow, slow]
    parallelism: 3
    inputs: [{from: work, group: all}]
    output: [id]
  sink:
    command: [{sink}, sink]
    inputs: [slow]
`)
		x.run()
		x.arrived(1000)
		x.lived("source", "work", "sink")
		asked := x.lines("asked")
		var want []string
		for i := range 1000 {
			want = append(want, fmt.Sprint(i, " 3"))
		}
		if !slices.Equal(asked, want) {
			t.Errorf("%d emits were told of, want 1000 in order with three tasks each", len(asked))
		}
	})
}

// A signal makes a component print what it is at, and it goes on.
func TestD25_StacksOnRequest(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		for _, kind := range []string{"life}, work, slow", "groups}, work, batches"} {
			t.Run(strings.Fields(kind)[2], func(t *testing.T) {
				t.Parallel()
				x := newTrial(t, l, fmt.Sprintf(chain, 500, "{"+kind, ""))
				p := x.start("--set", "spouts.source.config.pause=0.2")
				program.Eventually(t, patience, "rows arrive", func() bool { return x.size("arrived") > 0 })
				signal, says := syscall.SIGUSR1, "(most recent call first)"
				if l.name == "node" {
					signal, says = syscall.SIGUSR2, "in progress"
				}
				if err := syscall.Kill(x.pids("work")[0], signal); err != nil {
					t.Fatal(err)
				}
				p.Prints(says)
				p.exits(0)
				x.arrived(500)
				x.lived("source", "work", "sink")
			})
		}
	})
}
