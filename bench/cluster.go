package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
	"github.com/polybolt/polybolt/host/hosttest"
)

// The rows of a cluster on this machine.
const (
	idleRow   = "cluster at rest: nimbus, supervisor, log server"
	deployRow = "deploy of 20 files to the first tuple, over the interpreter's start"
	pairRow   = "word count in two workers on one machine, against one"
)

// machine is a cluster on this machine: a real ZooKeeper, a nimbus, and a
// supervisor with its log server.
type machine struct {
	b       *bench
	dir     string
	env     []string
	daemons []*exec.Cmd
	zk      *zookeepertest.Server
}

// cluster measures what a cluster on one machine costs.
func (b *bench) cluster() (err error) {
	if !b.wanted(idleRow) && !b.wanted(deployRow) && !b.wanted(pairRow) {
		return nil
	}
	m, err := b.startMachine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.end()) }()
	for _, part := range []func() error{m.idle, m.deploys, m.pairs} {
		if err := part(); err != nil {
			return fmt.Errorf("%w\n%s", err, m.logs())
		}
	}
	return nil
}

// startMachine starts a cluster, and returns when it can be deployed to.
func (b *bench) startMachine() (*machine, error) {
	// The path of a socket must be short.
	dir, err := os.MkdirTemp("", "pb-bench-")
	if err != nil {
		return nil, err
	}
	m := &machine{b: b, dir: dir}
	if err := m.start(); err != nil {
		return nil, errors.Join(err, m.end())
	}
	return m, nil
}

func (m *machine) start() (err error) {
	if m.zk, err = zookeepertest.Launch(context.Background(), filepath.Join(m.dir, "zookeeper"), zookeepertest.Config{}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	token, key := filepath.Join(m.dir, "token"), filepath.Join(m.dir, "cluster.key")
	m.env = append(os.Environ(), "POLYBOLT_HOME="+filepath.Join(m.dir, "home"), "XDG_RUNTIME_DIR="+m.dir, "POLYBOLT_NIMBUS=http://"+address, "POLYBOLT_TOKEN_FILE="+token)
	if _, err := m.polybolt("doctor", "--new-key", key); err != nil {
		return err
	}
	common := []string{"--zookeeper", m.zk.Addr(0), "--root", m.zk.Root(), "--cluster-key", key}
	for _, args := range [][]string{
		{"nimbus", "--listen", address, "--token-file", token},
		{"supervisor", "--dir", filepath.Join(m.dir, "machine"), "--slots", "2", "--orphan", "1m"},
	} {
		if err := m.daemon(append(args, common...)...); err != nil {
			return err
		}
	}
	var out string
	waiting := until(func() bool {
		out, err = m.polybolt("doctor")
		return err == nil && len(m.b.family(m.daemons[1].Process.Pid)) == 2
	})
	if waiting != nil {
		return fmt.Errorf("%w\n%s%v%s", waiting, out, err, m.logs())
	}
	return nil
}

// daemon starts a process that ends with this one.
func (m *machine) daemon(args ...string) error {
	log, err := os.OpenFile(filepath.Join(m.dir, args[0]+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(m.b.polybolt, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = m.env, log, log
	if err := hosttest.StartCommand(cmd); err != nil {
		return err
	}
	m.daemons = append(m.daemons, cmd)
	return nil
}

// polybolt runs a command against the cluster.
func (m *machine) polybolt(args ...string) (string, error) {
	cmd := exec.Command(m.b.polybolt, args...)
	cmd.Env = m.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("polybolt %s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

// logs returns the ends of the daemons' logs.
func (m *machine) logs() string {
	var all strings.Builder
	for _, name := range []string{"nimbus", "supervisor"} {
		text, err := os.ReadFile(filepath.Join(m.dir, name+".log"))
		fmt.Fprintf(&all, "%s, %v:\n%s\n", name, err, text[max(0, len(text)-4<<10):])
	}
	return all.String()
}

// end ends everything. The log server ends when its folder is gone.
func (m *machine) end() error {
	for i := len(m.daemons) - 1; i >= 0; i-- {
		d := m.daemons[i]
		for _, pid := range m.b.family(d.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended by itself
		}
		_ = d.Wait() // nothing depends on how
	}
	if m.zk != nil {
		m.zk.Close()
	}
	// What was unpacked is sealed.
	_ = filepath.WalkDir(m.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
	return os.RemoveAll(m.dir)
}

// until polls for something that comes within a minute.
func until(done func() bool) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(time.Minute); !done(); <-ticker.C {
		if time.Now().After(end) {
			return errors.New("waited in vain for a minute")
		}
	}
	return nil
}

// idle measures daemons that have nothing to do.
func (m *machine) idle() error {
	if !m.b.wanted(idleRow) {
		return nil
	}
	var pids []int
	for _, d := range m.daemons {
		pids = append(pids, m.b.family(d.Process.Pid)...)
	}
	if len(pids) != 3 {
		return fmt.Errorf("there are %d daemons, not three", len(pids))
	}
	for range m.b.rounds {
		before, err := cpuOf(pids)
		if err != nil {
			return err
		}
		time.Sleep(idleTime) // what is measured
		after, err := cpuOf(pids)
		if err != nil {
			return err
		}
		mb := 0.0
		for _, pid := range pids {
			mb += residentMB(pid)
		}
		m.b.result(idleRow+": RSS", "120", "", "MB").add(mb, 0)
		m.b.result(idleRow+": CPU", "0.02", "", "cores").add((after-before).Seconds()/idleTime.Seconds(), 0)
		progress("%s: %.0f MB, %v of CPU time in %v", idleRow, mb, after-before, idleTime)
	}
	return nil
}

// idleTime is long against the 10 ms in which the kernel counts CPU time.
const idleTime = 20 * time.Second

// cpuOf adds up the CPU time of processes.
func cpuOf(pids []int) (total time.Duration, err error) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		// proc(5): utime and stime are fields 14 and 15, in hundredths of a
		// second; the name, which ends with the last parenthesis, is field 2.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, f := range fields[11:13] {
			n, err := strconv.Atoi(f)
			if err != nil {
				return 0, err
			}
			total += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return total, nil
}

// deploys measures how soon a deployed topology works.
func (m *machine) deploys() error {
	if !m.b.wanted(deployRow) {
		return nil
	}
	for round := range 3 * m.b.rounds {
		began := time.Now()
		if err := exec.Command(m.b.python, "-c", "pass").Run(); err != nil {
			return err
		}
		bare := time.Since(began)
		name, notes := fmt.Sprintf("start%d", round), filepath.Join(m.dir, fmt.Sprintf("notes%d", round))
		texts := map[string]string{"topology.yaml": fmt.Sprintf(`name: %s
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
`, name, m.b.pyCommand("first.py"), m.b.pyCommand("same.py"), m.b.goCommandNoting("arrivals", notes))}
		for i := range 17 {
			texts[fmt.Sprintf("module%d.py", i)] = strings.Repeat("# a line of a module that is there\n", 50)
		}
		dir, err := m.b.write(texts, "first.py", "same.py")
		if err == nil {
			err = os.Mkdir(notes, 0o700)
		}
		if err != nil {
			return err
		}
		began = time.Now()
		if _, err := m.polybolt("deploy", dir); err != nil {
			return err
		}
		returned := time.Since(began)
		arrived, err := m.noted(notes, "arrived")
		if err != nil {
			return err
		}
		if _, err := m.polybolt("kill", name, "--wait", "0s"); err != nil {
			return err
		}
		took := arrived.Sub(began)
		r := m.b.result(deployRow, "2000", "", "ms")
		r.add(float64(took-bare)/1e6, 0)
		m.b.result("deploy of 20 files, until the command returns", "", "", "ms").add(float64(returned)/1e6, 0)
		progress("%s: %v, the command returns after %v", deployRow, took, returned)
	}
	return nil
}

// noted waits for the time that a component notes.
func (m *machine) noted(dir, name string) (at time.Time, err error) {
	werr := until(func() bool {
		at, err = readTime(dir, name)
		return err == nil
	})
	return at, errors.Join(werr, err)
}

// pairs measures what it costs that tuples go from one worker to another.
func (m *machine) pairs() error {
	if !m.b.wanted(pairRow) {
		return nil
	}
	p := pipeline{name: pairRow, spout: "spout.py", split: "split.py", end: "count.py", counters: 1, acking: true}
	rate := func(workers, n int) (float64, error) { return m.wordCount(p, workers, n) }
	n := 300_000
	warm, err := rate(1, n)
	if err != nil {
		return err
	}
	n = int(warm*m.b.seconds) / 5 * 5
	for round := range m.b.rounds {
		one, err := rate(1, n)
		if err != nil {
			return err
		}
		two, err := rate(2, n)
		if err != nil {
			return err
		}
		r := m.b.result(pairRow, "0.6", "", "sentences/s")
		r.add(two, two/one)
		r.notes = fmt.Sprintf("%d cores", runtime.NumCPU())
		progress("round %d: %s: %.0f against %.0f sentences/s, %.2f", round+1, pairRow, two, one, two/one)
	}
	return nil
}

// wordCount deploys a word count, and returns its sentences a second.
func (m *machine) wordCount(p pipeline, workers, n int) (float64, error) {
	notes, err := os.MkdirTemp(m.dir, "notes-")
	if err != nil {
		return 0, err
	}
	dir, err := m.b.bundleNoting(p, n, notes)
	if err != nil {
		return 0, err
	}
	if _, err := m.polybolt("deploy", dir, "--set", fmt.Sprintf("config.workers=%d", workers)); err != nil {
		return 0, err
	}
	last, err := m.noted(notes, "all")
	if err != nil {
		return 0, err
	}
	first, err := readTime(notes, "first")
	if err != nil {
		return 0, err
	}
	_, err = m.polybolt("kill", "bench")
	return float64(n) / last.Sub(first).Seconds(), err
}
