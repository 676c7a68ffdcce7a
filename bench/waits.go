package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// slow measures whether slow bolts are all kept busy, and whether a row waits
// for code that does not return.
func (b *bench) slow() error {
	if name := "50 ms bolt × 4, 40 tuples"; b.wanted(name) {
		dir, err := b.write(map[string]string{"topology.yaml": fmt.Sprintf(`name: slow
spouts:
  spout:
%s    config: {n: 40, after: 1000}
    output: [row]
bolts:
  slow:
%s    parallelism: 4
    config: {seconds: 0.05}
    inputs: [spout]
    output: [row]
  sink:
%s    config: {n: 40}
    inputs: [slow]
`, b.goCommand("source"), b.pyCommand("slow.py"), b.goCommand("arrivals"))}, "slow.py")
		if err != nil {
			return err
		}
		for range b.rounds {
			took, err := b.between(dir, "first", "last")
			if err != nil {
				return err
			}
			b.result(name, "650", "550", "ms").add(float64(took)/1e6, 0)
			progress("%s: %v", name, took)
		}
	}
	if name := "generator that yields one row, then blocks 10 s"; b.wanted(name) {
		dir, err := b.write(map[string]string{"topology.yaml": fmt.Sprintf(`name: block
spouts:
  spout:
%s    output: [row]
bolts:
  sink:
%s    config: {n: 1}
    inputs: [spout]
`, b.pyCommand("one_then_block.py"), b.goCommand("arrivals"))}, "one_then_block.py")
		if err != nil {
			return err
		}
		for range max(1, b.rounds/2) {
			took, err := b.between(dir, "emitted", "arrived")
			if err != nil {
				return err
			}
			b.result(name, "10", "", "ms").add(float64(took)/1e6, 0)
			progress("%s: %v", name, took)
		}
	}
	return nil
}

// between runs a topology and returns the time between what two of its components noted.
func (b *bench) between(dir, from, to string) (time.Duration, error) {
	for _, name := range []string{"first", "last", "emitted", "arrived"} {
		_ = os.Remove(filepath.Join(dir, name)) // of the round before
	}
	if _, err := b.runTopology(dir); err != nil {
		return 0, err
	}
	start, err := readTime(dir, from)
	if err != nil {
		return 0, err
	}
	end, err := readTime(dir, to)
	return end.Sub(start), err
}

// start measures how soon a topology works, beyond what its interpreters need.
func (b *bench) start() error {
	for _, lang := range []struct{ name, program, file, flag, nothing string }{
		{"start to first tuple, Python", b.python, "py", "-c", "pass"},
		{"start to first tuple, Node", b.node, "js", "-e", "0"},
	} {
		if !b.wanted(lang.name) {
			continue
		}
		command := b.pyCommand
		if lang.file == "js" {
			command = b.jsCommand
		}
		spout, bolt := "first."+lang.file, "same."+lang.file
		dir, err := b.write(map[string]string{"topology.yaml": fmt.Sprintf(`name: start
spouts:
  spout:
%s    output: [row]
bolts:
  same:
%s    inputs: [spout]
    output: [row]
  sink:
%s    config: {n: 1}
    inputs: [same]
`, command(spout), command(bolt), b.goCommand("arrivals"))}, spout, bolt)
		if err != nil {
			return err
		}
		for range 3 * b.rounds {
			began := time.Now()
			if err := exec.Command(lang.program, lang.flag, lang.nothing).Run(); err != nil {
				return err
			}
			bare := time.Since(began)
			_ = os.Remove(filepath.Join(dir, "arrived")) // of the round before
			began = time.Now()
			if _, err := b.runTopology(dir); err != nil {
				return err
			}
			arrived, err := readTime(dir, "arrived")
			if err != nil {
				return err
			}
			took := arrived.Sub(began)
			b.result(lang.name+", over 3 × the bare interpreter", "80", "40", "ms").add(float64(took-3*bare)/1e6, 0)
			b.result(lang.name, "", "", "ms").add(float64(took)/1e6, float64(took)/float64(bare))
		}
	}
	return nil
}

// binary measures the program itself.
func (b *bench) binary() error {
	if !b.wanted("binary") {
		return nil
	}
	info, err := os.Stat(b.polybolt)
	if err != nil {
		return err
	}
	b.result("binary: size", "25", "", "MB").add(float64(info.Size())/1e6, 0)
	out, err := exec.Command("go", "version", "-m", b.polybolt).Output()
	if err != nil {
		return err
	}
	if !strings.Contains(string(out), "CGO_ENABLED=0") {
		return fmt.Errorf("%s was built with CGO", b.polybolt)
	}
	for range 4 * b.rounds {
		began := time.Now()
		if err := exec.Command(b.polybolt, "--help").Run(); err != nil {
			return err
		}
		b.result("binary: --help", "30", "", "ms").add(float64(time.Since(began))/1e6, 0)
	}
	return nil
}
