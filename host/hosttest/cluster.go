package hosttest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/slot"
)

// Config says what a cluster is made of. The zero Config is one nimbus, and one
// supervisor with two slots, on a ZooKeeper of its own.
type Config struct {
	ZooKeeper      *zookeepertest.Server // shared with other tests; nil: one of its own
	ZooKeeperCA    string                // file with the authority of its certificates: all use its TLS ports
	Nimbuses       int
	Supervisors    int
	Slots          int // of each supervisor
	SessionTimeout time.Duration
	Orphan         time.Duration // workers end when there was no supervisor for so long; 0: two minutes

	// ZooKeeperVia are the addresses at which daemons find ZooKeeper; nil: its own.
	ZooKeeperVia []string

	// Env is added to the environment of all processes.
	Env []string

	// Flags returns further flags of a supervisor; nil: none.
	Flags func(supervisor int) []string

	// Disk returns the folder of a supervisor's data; nil, or empty: one in the cluster's folder.
	Disk func(supervisor int) string
}

// Cluster is a cluster of real processes.
type Cluster struct {
	Dir         string
	ZooKeeper   *zookeepertest.Server
	Nimbuses    []*Daemon
	Supervisors []*Daemon
	API         *api.Client
	Session     time.Duration // the session timeout
	KeyFile     string        // holds the cluster's key

	bin, root string
	env       []string
	urls      []string
	machines  []string  // the folders of supervisors
	others    []*Daemon // that end with the test
}

// Start starts a cluster, waits until it can be used, and ends it with the test.
func Start(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	c := &Cluster{bin: Binary(t), ZooKeeper: cfg.ZooKeeper, Session: cfg.SessionTimeout}
	if c.ZooKeeper == nil {
		c.ZooKeeper = zookeepertest.Start(t)
	}
	if c.Session == 0 {
		c.Session = 2 * time.Second
	}
	c.root = c.ZooKeeper.Root()
	var err error
	// Not t.TempDir: the path of a socket must be short.
	if c.Dir, err = os.MkdirTemp("", "pb-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.end(t) })
	c.env = append(withoutOurs(os.Environ()), "POLYBOLT_HOME="+filepath.Join(c.Dir, "home"), "XDG_RUNTIME_DIR="+c.Dir)
	c.env = append(c.env, cfg.Env...)
	servers := c.ZooKeeper.Addrs()
	if cfg.ZooKeeperCA != "" {
		for i := range servers {
			servers[i] = c.ZooKeeper.SecureAddr(i)
		}
	}
	if cfg.ZooKeeperVia != nil {
		servers = cfg.ZooKeeperVia
	}
	common := []string{"--zookeeper", strings.Join(servers, ","), "--zookeeper-ca", cfg.ZooKeeperCA, "--root", c.root, "--session-timeout", c.Session.String()}
	c.KeyFile = filepath.Join(c.Dir, "cluster.key")
	c.MustCLI(t, "doctor", "--new-key", c.KeyFile)
	common = append(common, "--cluster-key", c.KeyFile)
	token := filepath.Join(c.Dir, "token")
	if err := os.WriteFile(token, []byte("a token for tests\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range max(cfg.Nimbuses, 1) {
		address := freeAddress(t)
		c.urls = append(c.urls, "http://"+address)
		c.Nimbuses = append(c.Nimbuses, c.daemon(fmt.Sprintf("nimbus%d", i), append([]string{"nimbus", "--listen", address, "--token-file", token}, common...)...))
	}
	for i := range max(cfg.Supervisors, 1) {
		machine := filepath.Join(c.Dir, fmt.Sprintf("machine%d", i))
		if cfg.Disk != nil {
			machine = cmp.Or(cfg.Disk(i), machine)
		}
		c.machines = append(c.machines, machine)
		var flags []string
		if cfg.Flags != nil {
			flags = cfg.Flags(i)
		}
		c.Supervisors = append(c.Supervisors, c.daemon(fmt.Sprintf("supervisor%d", i), append([]string{"supervisor",
			"--dir", c.supervisorDir(i), "--slots", fmt.Sprint(max(cfg.Slots, 2)), "--host", fmt.Sprintf("machine%d", i), "--orphan", cmp.Or(cfg.Orphan, 2*time.Minute).String()}, slices.Concat(flags, common)...)...))
	}
	c.env = append(c.env, "POLYBOLT_NIMBUS="+strings.Join(c.urls, ","), "POLYBOLT_TOKEN_FILE="+token)
	if c.API, err = api.NewClient(c.urls, "a token for tests"); err != nil {
		t.Fatal(err)
	}
	for _, d := range slices.Concat(c.Nimbuses, c.Supervisors) {
		d.Start(t)
	}
	Eventually(t, "nimbus knows all supervisors", func() bool {
		v, err := c.API.Cluster(t.Context())
		return err == nil && len(v.Supervisors) == len(c.Supervisors)
	})
	return c
}

// withoutOurs takes what configures Polybolt out of an environment.
func withoutOurs(env []string) []string {
	var list []string
	for _, e := range env {
		if !strings.HasPrefix(e, "POLYBOLT_") {
			list = append(list, e)
		}
	}
	return list
}

func (c *Cluster) supervisorDir(i int) string { return c.machines[i] }

// end ends everything, workers included, and shows the logs of a test that failed.
func (c *Cluster) end(t testing.TB) {
	if c.API != nil {
		c.API.Close()
	}
	for _, d := range slices.Concat(c.others, c.Supervisors, c.Nimbuses) {
		d.end()
	}
	for i := range c.machines {
		if i < len(c.Supervisors) {
			c.endLogServers(t, i)
		}
		for _, w := range c.Workers(t, i) {
			_ = w.Worker.Signal(syscall.SIGKILL) // it may have ended by itself
			select {
			case <-w.Guardian.Done():
			case <-time.After(Patience):
				t.Errorf("a guardian is left: pid %d", w.Guardian.PID)
			}
			w.Close()
		}
	}
	if t.Failed() {
		files, _ := filepath.Glob(filepath.Join(c.Dir, "*.log"))
		for _, dir := range c.machines {
			logs, _ := filepath.Glob(filepath.Join(dir, "logs", "*", "*", "*.log"))
			files = append(files, logs...)
		}
		for _, file := range files {
			b, _ := os.ReadFile(file)
			t.Logf("%s:\n%s", file, b[max(0, len(b)-8<<10):])
		}
	}
	// What was unpacked is sealed.
	_ = filepath.WalkDir(c.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(c.Dir); err != nil {
		t.Error(err)
	}
}

// Workers connects to the workers that a supervisor has started, or one before
// it. The caller closes them.
func (c *Cluster) Workers(t testing.TB, supervisor int) []*slot.Peer {
	t.Helper()
	dir := c.supervisorDir(supervisor)
	entries, err := os.ReadDir(filepath.Join(dir, "workers"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var list []*slot.Peer
	for _, e := range entries {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if p, _ := slot.Connect(ctx, slot.SocketIn(c.Dir, dir, e.Name())); p != nil {
			list = append(list, p)
		}
		cancel()
	}
	return list
}

// Root is the node below which the cluster's part of ZooKeeper lies.
func (c *Cluster) Root() string { return c.root }

// CLI runs a command of polybolt, and returns what it printed and its exit code.
func (c *Cluster) CLI(t testing.TB, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.bin, args...)
	cmd.Env = c.env
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("polybolt %s: %v", strings.Join(args, " "), err)
	}
	return buf.String(), cmd.ProcessState.ExitCode()
}

// MustCLI is CLI for a command that has to succeed.
func (c *Cluster) MustCLI(t testing.TB, args ...string) string {
	t.Helper()
	out, code := c.CLI(t, args...)
	if code != 0 {
		t.Fatalf("polybolt %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// WorkerLog returns what the workers of a topology have logged on a machine.
func (c *Cluster) WorkerLog(t testing.TB, supervisor int, topology string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.supervisorDir(supervisor), "logs", topology, "*", "worker.log"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
