package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	trickleRate = 100              // sentences a second
	trickleWarm = 5 * time.Second  // in which interpreters compile what they run, which is no matter of idling
	trickleTime = 20 * time.Second // that is measured
)

// trickle measures what a topology costs that has little to do, beside what a
// child costs here that only echoes as many frames.
func (b *bench) trickle() error {
	for _, lang := range []struct{ name, must, command, file, program, echo string }{
		{"Python", "0.05", b.pyCommand("split.py"), "split.py", b.python, "echo.py"},
		{"Node", "0.08", b.jsCommand("split.js"), "split.js", b.node, "echo.js"},
	} {
		name := "100/s through one bolt: cores, " + lang.name
		if !b.wanted(name) {
			continue
		}
		for range max(1, b.rounds/2) {
			bare, err := b.trickleBare(lang.program, filepath.Join(b.dir, "components", lang.echo))
			if err != nil {
				return err
			}
			b.result(name+": a bare echo", "", "", "cores").add(bare, 0)
			host, all, err := b.trickleThrough(lang.command, lang.file)
			if err != nil {
				return err
			}
			r := b.result(name, lang.must, "0.03", "cores")
			r.add(all, all/bare)
			r.notes = fmt.Sprintf("host %.3f; × the bare echo", host)
			progress("%s: %.3f, of which the host %.3f; a bare echo %.3f", name, all, host, bare)
		}
	}
	return nil
}

// trickleThrough returns how many cores a topology of one bolt keeps busy.
func (b *bench) trickleThrough(command, file string) (host, all float64, err error) {
	run := func(long time.Duration) (host, all float64, err error) {
		dir, err := b.write(map[string]string{"topology.yaml": fmt.Sprintf(`name: trickle
spouts:
  spout:
%s    config: {n: %d, hz: %d}
    output: [sentence]
bolts:
  split:
%s    inputs: [spout]
    output: [word]
`, b.goCommand("paced"), int(long.Seconds()*trickleRate), trickleRate, command)}, file)
		if err != nil {
			return 0, 0, err
		}
		return b.used(dir)
	}
	hostWarm, allWarm, err := run(trickleWarm) // what start and end cost is left out, too
	if err != nil {
		return 0, 0, err
	}
	if host, all, err = run(trickleWarm + trickleTime); err != nil {
		return 0, 0, err
	}
	return (host - hostWarm) / trickleTime.Seconds(), (all - allWarm) / trickleTime.Seconds(), nil
}

// used runs a topology and returns the CPU time, in seconds, of the host, and of
// it and its bolts: the source paces itself by sleeping, which is its own affair.
func (b *bench) used(dir string) (host, all float64, err error) {
	o, err := b.runTopology(dir)
	if err != nil {
		return 0, 0, err
	}
	host = float64(o.CPU) / 1e9
	all = host
	for _, t := range o.Tasks {
		if !t.Spout {
			all += float64(t.CPU) / 1e9
		}
	}
	return host, all, nil
}

// trickleBare returns how many cores this program and a child keep busy that echoes frames.
func (b *bench) trickleBare(command ...string) (float64, error) {
	e, err := startEcho(command...)
	if err != nil {
		return 0, err
	}
	var before, after time.Duration
	start := time.Now()
	for i := range int((trickleWarm + trickleTime).Seconds() * trickleRate) {
		if i == int(trickleWarm.Seconds()*trickleRate) {
			if before, err = cpuOf([]int{os.Getpid(), e.cmd.Process.Pid}); err != nil {
				return 0, err
			}
		}
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / trickleRate)))
		if err := e.round(); err != nil {
			return 0, err
		}
	}
	if after, err = cpuOf([]int{os.Getpid(), e.cmd.Process.Pid}); err != nil {
		return 0, err
	}
	return (after - before).Seconds() / trickleTime.Seconds(), e.end()
}
