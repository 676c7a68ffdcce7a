package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// tapCost measures what a tap of 1 % costs the word count: with its page, and
// with its page and a tap of the edge that most tuples pass, in turns. The tap's
// own process, which prints, has its share of the cores, too.
func (b *bench) tapCost() error {
	const name = "tap at 1 %: cost on word count"
	if !b.wanted(name) {
		return nil
	}
	p := pipelines[1]
	measure := func(n int, tapped bool) (*outcome, *tapRun, error) {
		own := *b
		own.beside = &tapRun{b: b, on: tapped}
		o, err := own.runPipeline(p, n)
		if err == nil {
			err = own.beside.end()
		}
		return o, own.beside, err
	}
	first, _, err := measure(300_000, false) // warms up caches
	if err != nil {
		return err
	}
	n := int(first.rate*b.seconds) / 5 * 5
	rate, cpu := b.result(name, "2 %", "", "%"), b.result(name+": CPU of the topology", "", "", "%")
	for round := range costRounds * b.rounds {
		outcomes := map[bool]*outcome{}
		shown := 0
		for i := range 2 {
			on := (i+round)%2 == 0 // neither is always the first
			o, t, err := measure(n, on)
			if err != nil {
				return err
			}
			outcomes[on] = o
			shown += t.lines()
		}
		with, without := outcomes[true], outcomes[false]
		rate.add(100*(without.rate-with.rate)/without.rate, 0)
		cpu.add(100*(with.total-without.total)/without.total, 0)
		rate.notes = fmt.Sprintf("%d tuples were shown in the last round", shown)
		progress("round %d: %s: %.0f and %.0f sentences/s, %d tuples shown", round+1, name, with.rate, without.rate, shown)
	}
	return nil
}

// tapRun is a run with its page, and a tap of it if on is set. It is written the
// run's stderr.
type tapRun struct {
	b  *bench
	on bool

	mu     sync.Mutex
	text   bytes.Buffer // guarded by mu: the run's stderr
	tap    *exec.Cmd    // guarded by mu
	out    bytes.Buffer // of the tap; read after end
	failed error        // guarded by mu
}

// Write implements [io.Writer]: the line with the page's address begins the tap.
func (t *tapRun) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(p)
	if t.on && t.tap == nil && t.failed == nil {
		for line := range strings.Lines(t.text.String()) {
			if at := strings.Index(line, "http://"); at >= 0 && strings.Contains(line, "?token=") && strings.HasSuffix(line, "\n") {
				t.failed = t.begin(strings.TrimSpace(line[at:]))
			}
		}
	}
	return len(p), nil
}

// begin starts a tap of the run with a page. mu is held.
func (t *tapRun) begin(page string) error {
	u, err := url.Parse(page)
	if err != nil {
		return err
	}
	_, token, _ := strings.Cut(u.Fragment, "?token=")
	file := filepath.Join(t.b.temp, "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		return err
	}
	t.tap = exec.Command(t.b.polybolt, "tap", "bench", "split->count", "--sample", "1%", "-o", "json", "--nimbus", "http://"+u.Host, "--token-file", file)
	t.tap.Stdout = &t.out
	return t.tap.Start()
}

// end waits for the tap, which ends with the run.
func (t *tapRun) end() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		return t.failed
	}
	if t.tap == nil || t.failed != nil {
		return fmt.Errorf("no tap was begun (%w): %s", t.failed, t.text.String())
	}
	_ = t.tap.Wait() // that the run is over is how it ends
	if t.lines() == 0 {
		return fmt.Errorf("the tap has shown nothing: %s", t.out.String())
	}
	return nil
}

// lines counts what the tap has shown.
func (t *tapRun) lines() int { return bytes.Count(t.out.Bytes(), []byte(`"tuple"`)) }
