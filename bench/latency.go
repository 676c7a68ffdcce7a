package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// latencyRate is how many sentences a second the latency is measured at, and
// latencyTime for how long: the slowest hundredth of less is chance.
const (
	latencyRate = 1000
	latencyTime = 10 * time.Second
)

// latency measures the time from a sentence's emit to its last ack, through
// split and count, against a bare Python child that echoes frames of its size.
func (b *bench) latency() error {
	if !b.wanted("latency") {
		return nil
	}
	n := int(latencyTime.Seconds() * latencyRate)
	for round := range b.rounds {
		echo50, echo99, err := b.echo(n)
		if err != nil {
			return fmt.Errorf("echo: %w", err)
		}
		dir, err := b.write(map[string]string{"topology.yaml": fmt.Sprintf(`name: latency
spouts:
  spout:
%s    config: {n: %d, hz: %d, after: 1500}
    output: [sentence]
bolts:
  split:
%s    inputs: [spout]
    output: [word]
  count:
%s    inputs:
      - {from: split, group: {fields: [word]}}
    output: [word, count]
`, b.goCommand("paced"), n, latencyRate, b.pyCommand("split.py"), b.pyCommand("count.py"))}, "split.py", "count.py")
		if err != nil {
			return err
		}
		o, err := b.runTopology(dir)
		if err != nil {
			return err
		}
		for _, t := range o.Tasks {
			if t.Spout {
				o.p50, o.p99 = time.Duration(t.P50), time.Duration(t.P99)
			}
		}
		b.result("latency at 1,000/s: p50", "5", "3", "µs").add(micros(o.p50), micros(o.p50)/micros(echo50))
		b.result("latency at 1,000/s: p99", "6", "3", "µs").add(micros(o.p99), micros(o.p99)/micros(echo99))
		b.result("latency of the echo: p50", "", "", "µs").add(micros(echo50), 0)
		b.result("latency of the echo: p99", "", "", "µs").add(micros(echo99), 0)
		progress("round %d: latency: p50 %v against %v, p99 %v against %v", round+1, o.p50, echo50, o.p99, echo99)
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }

// echo drives the reference.
func (b *bench) echo(n int) (p50, p99 time.Duration, err error) {
	e, err := startEcho(b.python, filepath.Join(b.dir, "components", "echo.py"))
	if err != nil {
		return 0, 0, err
	}
	took := make([]time.Duration, 0, n)
	due := time.Now()
	for range n {
		due = due.Add(time.Second / latencyRate)
		time.Sleep(time.Until(due))
		start := time.Now()
		if err := e.round(); err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[n/2], took[n*99/100], e.end()
}
