package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// pipeline is a word count to measure. Components are given by language and
// form; %d in a command stands for nothing.
type pipeline struct {
	name              string
	must, aim         string
	spout, split, end string // Python or Node files of bench/components; "" = the Go source, and no counter
	counters          int
	acking            bool
}

// pipelines are the throughput rows of the table.
var pipelines = []pipeline{
	{"split, Python, function", "0.75", "1.0", "", "split.py", "", 0, true},
	{"word count, Python, function", "0.30", "0.42", "spout.py", "split.py", "count.py", 1, true},
	{"word count, Python, function, 2 counters", "0.35", "0.46", "spout.py", "split.py", "count.py", 2, true},
	{"word count, Python, class", "0.16", "0.21", "spout.py", "split_class.py", "count_class.py", 1, true},
	{"split, Node, function", "0.75 × Python's", "1.0", "", "split.js", "", 0, true},
	{"word count, Node, function", "0.75 × Python's", "1.0", "spout.js", "split.js", "count.js", 1, true},
	{"word count, Node, function, 2 counters", "0.75 × Python's", "1.0", "spout.js", "split.js", "count.js", 2, true},
	{"word count, Python, function, acking off", "", "", "spout.py", "split.py", "count.py", 1, false},
}

// outcome is what a run of a topology took.
type outcome struct {
	rate   float64            // sentences a second
	cpu    map[string]float64 // µs a sentence, by component; "host" is the worker
	total  float64
	memory float64 // most that was resident in the whole tree of processes, MB
	p50    time.Duration
	p99    time.Duration
	stderr string
	figures
}

// figures is what `run -o json` prints, as far as it is used here.
type figures struct {
	Summary struct{ Acked, Failed, Dead int64 }
	CPU     int64 `json:"cpu_ns"`
	MaxRSS  int64 `json:"max_rss"`
	Tasks   []struct {
		Component string
		Spout     bool
		CPU       int64 `json:"cpu_ns"`
		MaxRSS    int64 `json:"max_rss"`
		P50       int64 `json:"p50_ns"`
		P99       int64 `json:"p99_ns"`
	}
}

func (b *bench) throughput() error {
	var cases []pipeline
	for _, p := range pipelines {
		if b.wanted(p.name) {
			cases = append(cases, p)
		}
	}
	sizes := map[string]int{}
	for _, p := range cases { // also warms up caches
		o, err := b.runPipeline(p, 300_000)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		sizes[p.name] = int(o.rate*b.seconds) / 5 * 5
	}
	var python map[string]float64
	for round := range b.rounds {
		python = map[string]float64{}
		for _, p := range cases {
			before, cpu1, err := b.plain()
			if err != nil {
				return err
			}
			weighing := *b
			weighing.weigh = true
			o, err := weighing.runPipeline(p, sizes[p.name])
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			after, cpu2, err := b.plain()
			if err != nil {
				return err
			}
			b.note(p, o, (before+after)/2, (cpu1+cpu2)/2, python)
			progress("round %d: %s: %.0f sentences/s, %.3f × the loop", round+1, p.name, o.rate, o.rate/((before+after)/2))
		}
	}
	return nil
}

// note enters a measurement into the results.
func (b *bench) note(p pipeline, o *outcome, plain, plainCPU float64, python map[string]float64) {
	b.result("plain loop, "+filepath.Base(b.python), "", "", "sentences/s").add(plain, 0)
	r := b.result(p.name, p.must, p.aim, "sentences/s")
	python[p.name] = o.rate
	if reference, ok := python[strings.Replace(p.name, "Node", "Python", 1)]; ok && strings.Contains(p.name, "Node") {
		r.add(o.rate, o.rate/reference)
	} else {
		r.add(o.rate, o.rate/plain)
	}
	must, aim := "", ""
	if p.name == "word count, Python, function" {
		must, aim = "5.5", "4.2"
	}
	c := b.result(p.name+": CPU", must, aim, "µs/sentence")
	c.add(o.total, o.total/plainCPU)
	c.notes = shares(o.cpu)
	b.result(p.name+": peak memory of the tree", "", "", "MB").add(o.memory, 0)
	if !p.acking {
		on := python["word count, Python, function"]
		b.result("acking on against off: cost", "15 %", "5 %", "%").add(100*(o.rate-on)/o.rate, 0)
	}
}

// shares lists CPU time by component.
func shares(cpu map[string]float64) string {
	var s []string
	for _, name := range []string{"host", "spout", "split", "count", "sink"} {
		if v, ok := cpu[name]; ok {
			s = append(s, fmt.Sprintf("%s %.2f", name, v))
		}
	}
	return strings.Join(s, ", ")
}

// plain runs the reference.
func (b *bench) plain() (rate, cpu float64, err error) {
	out, err := exec.Command(b.python, filepath.Join(b.dir, "plain.py")).Output()
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(string(out), &rate, &cpu)
	return rate, cpu, err
}

func (b *bench) runPipeline(p pipeline, n int) (*outcome, error) {
	dir, err := b.bundle(p, n)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	o, err := b.runTopology(dir)
	if err != nil {
		return nil, err
	}
	first, last, err := times(dir, p)
	if err != nil {
		return nil, err
	}
	if o.Summary.Acked != int64(n) && p.acking || o.Summary.Failed != 0 {
		return nil, fmt.Errorf("%+v of %d", o.Summary, n)
	}
	o.rate = float64(n) / last.Sub(first).Seconds()
	o.cpu["host"] = float64(o.CPU)
	for _, t := range o.Tasks {
		o.cpu[t.Component] += float64(t.CPU)
	}
	for k, v := range o.cpu {
		o.cpu[k] = v / 1e3 / float64(n)
		o.total += o.cpu[k]
	}
	return o, nil
}

// times returns when the work began and when the last row came to the sink.
// Where the spout is no Go component, the work begins with the first frame.
func times(dir string, p pipeline) (first, last time.Time, err error) {
	read := func(name string) (time.Time, error) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return time.Time{}, err
		}
		ns, err := strconv.ParseInt(string(b), 10, 64)
		return time.Unix(0, ns), err
	}
	if first, err = read("first"); err != nil {
		return
	}
	last, err = read("last")
	return
}

// runTopology runs a bundle with the real binary.
func (b *bench) runTopology(dir string, args ...string) (*outcome, error) {
	cmd := exec.Command(b.polybolt, append([]string{"run", dir, "-o", "json"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if b.beside != nil {
		cmd.Args = append(cmd.Args, "--ui=127.0.0.1:0")
		cmd.Stderr = io.MultiWriter(&stderr, b.beside)
	}
	cmd.Env = append(os.Environ(), "POLYBOLT_HOME="+filepath.Join(b.temp, "state"))
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	memory, err := 0.0, error(nil)
	if b.weigh {
		memory, err = watched(cmd)
	} else {
		err = cmd.Wait()
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s%s", err, stdout.String(), stderr.String())
	}
	o := &outcome{cpu: map[string]float64{}, memory: memory, stderr: stderr.String()}
	if err := json.Unmarshal(stdout.Bytes(), &o.figures); err != nil {
		return nil, fmt.Errorf("%w: %s", err, stdout.String())
	}
	return o, nil
}

// weighEvery is how often memory is looked at: a look takes milliseconds of a core,
// which is nothing for a rate, and ruins a latency.
const weighEvery = time.Second

// watched waits for a command, and returns the most memory that it and all below it had.
func watched(cmd *exec.Cmd) (most float64, err error) {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ticker := time.NewTicker(weighEvery)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return most, err
		case <-ticker.C:
			most = max(most, treeMemory(cmd.Process.Pid))
		}
	}
}

// bundle writes a topology's folder.
func (b *bench) bundle(p pipeline, n int) (string, error) { return b.bundleNoting(p, n, ".") }

// bundleNoting writes a topology's folder, whose Go components note things in another one.
func (b *bench) bundleNoting(p pipeline, n int, notes string) (string, error) {
	dir, err := os.MkdirTemp(b.temp, "case-")
	if err != nil {
		return "", err
	}
	var y strings.Builder
	fmt.Fprintf(&y, "name: bench\nconfig: {acking: %v}\nspouts:\n  spout:\n%s    config: {n: %d}\n    output: [sentence]\nbolts:\n", p.acking, b.command(dir, p.spout, "source", notes), n)
	fmt.Fprintf(&y, "  split:\n%s    inputs: [spout]\n    output: [word]\n", b.command(dir, p.split, "", notes))
	from := "split"
	if p.counters > 0 {
		from = "count"
		fmt.Fprintf(&y, "  count:\n%s    parallelism: %d\n    inputs:\n      - {from: split, group: {fields: [word]}}\n    output: [word, count]\n", b.command(dir, p.end, "", notes), p.counters)
	}
	fmt.Fprintf(&y, "  sink:\n%s    config: {n: %d}\n    inputs: [%s]\n", b.command(dir, "", "sink", notes), n, from)
	return dir, os.WriteFile(filepath.Join(dir, "topology.yaml"), []byte(y.String()), 0o600)
}

// command writes the command of a component: a file of bench/components, which
// is copied, or a component of this program.
func (b *bench) command(dir, file, component, notes string) string {
	if file == "" {
		return b.goCommandNoting(component, notes)
	}
	code, err := os.ReadFile(filepath.Join(b.dir, "components", file))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, file), code, 0o600)
	}
	if err != nil {
		panic(err)
	}
	interpreter := b.python
	if strings.HasSuffix(file, ".js") {
		interpreter = b.node
	}
	return fmt.Sprintf("    command: [%q, %s]\n", interpreter, file)
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
