package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// classic is a split written for Storm, on its real library.
type classic struct {
	name, file, library, form string
	jvm                       float64 // µs of Storm 2.8.3's JVM a sentence, of the word count
	storm                     float64 // sentences a second of that
}

var classics = []classic{
	{"split on storm.py", "classic_split.py", "storm.py", "json", 1196, 1319},
	{"split on storm.js", "classic_split.js", "storm.js", "json", 165, 11696},
	{"split on pystorm, JSON", "pystorm_split.py", "", "json", 441, 4089},
	{"split on pystorm, msgpack", "pystorm_split.py", "", "msgpack", 0, 0},
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
			if c.library == "" {
				continue
			}
			own, err := b.runClassic(c, 40*n, false, false)
			if err != nil {
				return fmt.Errorf("%s, our library: %w", c.name, err)
			}
			b.result(c.name+", our library in its place", "10 × the classic figure", "", "sentences/s").add(own.rate, own.rate/o.rate)
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
		path, err := stormtest.PystormPath(context.Background())
		return append(command, c.form), []string{"PYTHONPATH=" + path}, err
	}
	if own {
		return command, nil, nil
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
	text := fmt.Sprintf("name: bench\nspouts:\n  spout:\n%s    config: {n: %d}\n    output: [sentence]\nbolts:\n  split:\n    command: [%s]\n    protocol: storm-%s\n%s    inputs: [spout]\n    output: [word]\n%s  sink:\n%s    config: {n: %d}\n    inputs: [%s]\n",
		b.command(dir, "", "source", "."), n, strings.Join(quoted, ", "), c.form, vars, bolts, b.command(dir, "", "sink", "."), n, from)
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

// window is how many tuples the bare loop has in the child.
const window = 100

// bare drives the child by itself: what the component can do at most.
func (b *bench) bare(c classic, n int) (rate float64, err error) {
	dir, err := os.MkdirTemp(b.temp, "bare-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	command, env, err := b.classicFiles(c, dir, false)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	l := bareLoop{n: n, packed: c.form == "msgpack", in: bufio.NewWriterSize(stdin, 64<<10), out: bufio.NewReaderSize(stdout, 1<<20)}
	rate, err = l.run(dir)
	_ = stdin.Close()
	_, _ = io.Copy(io.Discard, stdout)
	if wait := cmd.Wait(); err == nil && wait != nil && !strings.Contains(wait.Error(), "exit status") {
		err = wait // how a library ends on the end of its stdin is its own affair
	}
	return rate, err
}

// bareLoop is the least that a host can do.
type bareLoop struct {
	n           int
	packed      bool
	in          *bufio.Writer
	out         *bufio.Reader
	sent, acked int
}

func (l *bareLoop) run(dir string) (float64, error) {
	if err := l.say(map[string]any{"pidDir": dir, "conf": map[string]any{}, "context": map[string]any{"taskid": 1, "componentid": "split"}},
		fmt.Sprintf(`{"pidDir":%q,"conf":{},"context":{"taskid":1,"componentid":"split"}}`, dir)); err != nil {
		return 0, err
	}
	if err := l.in.Flush(); err != nil {
		return 0, err
	}
	started := time.Time{}
	for l.acked < l.n {
		kind, ids, err := l.next()
		if err != nil {
			return 0, err
		}
		switch kind {
		case "pid":
			started = time.Now()
		case "ack":
			l.acked++
		case "emit":
			if ids {
				err = l.say([]any{7}, "[7]")
			}
		}
		for err == nil && !started.IsZero() && l.sent < l.n && l.sent-l.acked < window {
			s := sentences[l.sent%len(sentences)]
			id := strconv.Itoa(l.sent)
			err = l.say(map[string]any{"id": id, "comp": "lines", "stream": "default", "task": 4, "tuple": []any{s}},
				`{"id":"`+id+`","comp":"lines","stream":"default","task":4,"tuple":["`+s+`"]}`)
			l.sent++
		}
		if err == nil && l.out.Buffered() == 0 {
			err = l.in.Flush()
		}
		if err != nil {
			return 0, err
		}
	}
	return float64(l.n) / time.Since(started).Seconds(), nil
}

func (l *bareLoop) say(v any, text string) error {
	if !l.packed {
		_, err := l.in.WriteString(text + "\nend\n")
		return err
	}
	b, err := multilang.Append(nil, v)
	if err == nil {
		_, err = l.in.Write(b)
	}
	return err
}

// next reads a message of the child: what it is, and whether it wants task ids.
func (l *bareLoop) next() (kind string, ids bool, err error) {
	if l.packed {
		return l.nextPacked()
	}
	line, err := l.out.ReadSlice('\n')
	if err != nil {
		return "", false, err
	}
	switch {
	case bytes.Contains(line, []byte(`"pid"`)):
		kind = "pid"
	case bytes.Contains(line, []byte(`"emit"`)):
		kind, ids = "emit", !bytes.Contains(line, []byte(`"need_task_ids": false`))
	case bytes.Contains(line, []byte(`"ack"`)):
		kind = "ack"
	default:
		kind = "log"
	}
	_, err = l.out.ReadSlice('\n') // its end
	return kind, ids, err
}

func (l *bareLoop) nextPacked() (kind string, ids bool, err error) {
	for {
		peek, err := l.out.Peek(max(1, l.out.Buffered()))
		if err != nil {
			return "", false, err
		}
		v, n, err := multilang.Decode(peek)
		if err != nil { // cut short: wait for more
			if _, err := l.out.Peek(len(peek) + 1); err != nil {
				return "", false, err
			}
			continue
		}
		if _, err := l.out.Discard(n); err != nil {
			return "", false, err
		}
		ids, kind := true, "pid"
		m, _ := v.(multilang.Map)
		for _, p := range m {
			switch p.Key {
			case "command":
				kind, _ = p.Value.(string)
			case "need_task_ids":
				ids, _ = p.Value.(bool)
			}
		}
		return kind, ids, nil
	}
}
