package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// classic is a split written for Storm, on its real library.
type classic struct {
	name, file, library, form string
	jvm                       float64 // µs of Storm 2.8.3's JVM a sentence, of the word count
	storm                     float64 // sentences a second of that
	more                      int     // as many times the sentences for our library, so that it runs about as long
}

var classics = []classic{
	{"split on storm.py", "classic_split.py", "storm.py", "json", 1196, 1319, 80},
	{"split on storm.js", "classic_split.js", "storm.js", "json", 165, 11696, 15},
	{"split on pystorm, JSON", "pystorm_split.py", "", "json", 441, 4089, 25},
	{"split on pystorm, msgpack", "pystorm_split.py", "", "msgpack", 0, 0, 15},
}

// changed says how a component of this library comes to run on ours.
func (c classic) changed() string {
	if c.library == "" {
		return ", its import line changed"
	}
	return ", our library in its place"
}

// classicRows measures components written for Storm against a bare loop that
// answers each emit's ids at once, and against the same code on our library.
func (b *bench) classicRows() error {
	for _, c := range classics {
		if !b.wanted(c.name) {
			continue
		}
		rate, err := b.bare(c, 2000)
		if err != nil {
			return fmt.Errorf("%s, bare: %w", c.name, err)
		}
		n := max(int(rate*b.seconds)/5*5, 500)
		for round := range b.rounds {
			before, err := b.bare(c, n)
			if err != nil {
				return fmt.Errorf("%s, bare: %w", c.name, err)
			}
			o, err := b.runClassic(c, n, true, false)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			after, err := b.bare(c, n)
			if err != nil {
				return fmt.Errorf("%s, bare: %w", c.name, err)
			}
			bare := (before + after) / 2
			b.result(c.name+": bare loop", "", "", "sentences/s").add(bare, 0)
			r := b.result(c.name, "0.9 × the bare loop", "", "sentences/s")
			r.add(o.rate, o.rate/bare)
			r.notes = fmt.Sprintf("CPU µs/sentence: host %.0f, child %.0f", o.cpu["host"], o.cpu["split"])
			progress("round %d: %s: %.0f sentences/s, %.3f × the bare loop", round+1, c.name, o.rate, o.rate/bare)
			own, err := b.runClassic(c, c.more*n, false, false)
			if err != nil {
				return fmt.Errorf("%s, our library: %w", c.name, err)
			}
			b.result(c.name+c.changed(), "10 × the classic figure", "", "sentences/s").add(own.rate, own.rate/o.rate)
		}
	}
	return nil
}

// classicCounts measures the word count whose split and count were written for
// Storm: how fast it is, and what the host costs beside Storm's JVM.
func (b *bench) classicCounts() error {
	for _, c := range classics {
		name := strings.Replace(c.name, "split", "word count", 1)
		if !b.wanted(name) {
			continue
		}
		rate, err := b.bare(c, 2000)
		if err != nil {
			return fmt.Errorf("%s, bare: %w", name, err)
		}
		n := max(int(rate/3*b.seconds)/5*5, 500)
		for round := range b.rounds {
			o, err := b.runClassic(c, n, true, true)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			r := b.result(name, "", "", "sentences/s")
			r.add(o.rate, 0)
			host := b.result(name+": CPU of the host", "", "", "µs/sentence")
			host.add(o.cpu["host"], 0)
			if c.storm > 0 {
				r.notes = fmt.Sprintf("Storm 2.8.3: %.0f", c.storm)
				host.must, host.notes = fmt.Sprintf("%.0f: a third of Storm's JVM", c.jvm/3), fmt.Sprintf("split %.0f, count %.0f", o.cpu["split"], o.cpu["count"])
			}
			progress("round %d: %s: %.0f sentences/s, host %.1f µs", round+1, name, o.rate, o.cpu["host"])
		}
	}
	return nil
}

// classicFiles puts a component and its library into a folder, and returns its
// command line and environment.
func (b *bench) classicFiles(c classic, dir string, own bool) (command, env []string, err error) {
	code, err := os.ReadFile(filepath.Join(b.dir, "components", c.file))
	if err == nil && own && c.library == "" {
		code = bytes.Replace(code, []byte("from pystorm import"), []byte("from polybolt.compat.streamparse import"), 1)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, c.file), code, 0o600)
	}
	if err != nil {
		return nil, nil, err
	}
	command = []string{b.python, c.file}
	if strings.HasSuffix(c.file, ".js") {
		command[0] = b.node
	}
	if c.library == "" {
		command = append(command, c.form)
	}
	if own {
		return command, nil, nil
	}
	if c.library == "" {
		path, err := stormtest.PystormPath(context.Background())
		return command, []string{"PYTHONPATH=" + path}, err
	}
	lib, err := stormtest.Library(context.Background(), c.library)
	if err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(lib)
	if err != nil {
		return nil, nil, err
	}
	return command, nil, os.WriteFile(filepath.Join(dir, c.library), text, 0o600)
}

// runClassic runs source, split and sink; with library false the split gets ours.
// With count it counts the words in between, on the same library.
func (b *bench) runClassic(c classic, n int, library, count bool) (*outcome, error) {
	dir, err := os.MkdirTemp(b.temp, "classic-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	command, env, err := b.classicFiles(c, dir, !library)
	if err != nil {
		return nil, err
	}
	quoted := make([]string, len(command))
	for i, word := range command {
		quoted[i] = strconv.Quote(word)
	}
	vars := ""
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		vars = fmt.Sprintf("    env: {%s: %q}\n", name, value)
	}
	var bolts string
	from := "split"
	if count {
		if bolts, err = b.classicCount(c, dir, command, vars); err != nil {
			return nil, err
		}
		from = "count"
	}
	protocol := fmt.Sprintf("    protocol: storm-%s\n", c.form)
	if c.library == "" && !library {
		protocol = "" // it speaks first
	}
	text := fmt.Sprintf("name: bench\nspouts:\n  spout:\n%s    config: {n: %d}\n    output: [sentence]\nbolts:\n  split:\n    command: [%s]\n%s%s    inputs: [spout]\n    output: [word]\n%s  sink:\n%s    config: {n: %d}\n    inputs: [%s]\n",
		b.command(dir, "", "source", "."), n, strings.Join(quoted, ", "), protocol, vars, bolts, b.command(dir, "", "sink", "."), n, from)
	if err := os.WriteFile(filepath.Join(dir, "topology.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	o, err := b.runTopology(dir)
	if err != nil {
		return nil, err
	}
	if o.Summary.Acked != int64(n) || o.Summary.Failed != 0 {
		return nil, fmt.Errorf("%+v of %d", o.Summary, n)
	}
	first, last, err := times(dir, pipeline{})
	if err != nil {
		return nil, err
	}
	o.rate = float64(n) / last.Sub(first).Seconds()
	o.cpu["host"] = float64(o.CPU) / 1e3 / float64(n)
	for _, t := range o.Tasks {
		o.cpu[t.Component] += float64(t.CPU) / 1e3 / float64(n)
	}
	return o, nil
}

// classicCount writes the counter of a word count, whose command line is the split's but for the file.
func (b *bench) classicCount(c classic, dir string, command []string, vars string) (string, error) {
	file := strings.Replace(c.file, "split", "count", 1)
	code, err := os.ReadFile(filepath.Join(b.dir, "components", file))
	if err != nil {
		return "", err
	}
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = strconv.Quote(strings.Replace(word, c.file, file, 1))
	}
	text := fmt.Sprintf("  count:\n    command: [%s]\n    protocol: storm-%s\n%s    inputs: [{from: split, group: {fields: [word]}}]\n    output: [word, count]\n",
		strings.Join(words, ", "), c.form, vars)
	return text, os.WriteFile(filepath.Join(dir, file), code, 0o600)
}
