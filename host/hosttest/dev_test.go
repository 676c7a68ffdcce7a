package hosttest

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/host/slot"
)

// dev returns a cluster that is one `polybolt dev`, which is not started, and
// whose commands find it as a user's do.
func dev(t *testing.T) (c *Cluster, d *Daemon) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pb-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	c = &Cluster{bin: Binary(t), Dir: dir, machines: []string{filepath.Join(dir, "home", "dev", "machine")}}
	c.env = append(withoutOurs(os.Environ()), "POLYBOLT_HOME="+filepath.Join(dir, "home"), "XDG_RUNTIME_DIR="+dir)
	d = c.daemon("dev", "dev", "--listen", freeAddress(t))
	c.others = append(c.others, d)
	t.Cleanup(func() { c.end(t) })
	return c, d
}

// Issue 4, Shows 1: a user's session with a cluster in one process, which is
// killed in between.
func TestDev(t *testing.T) {
	t.Parallel()
	c, d := dev(t)
	start := func() {
		t.Helper()
		before := strings.Count(d.Log(), "runs at")
		d.Start(t)
		Eventually(t, "dev is there", func() bool { return strings.Count(d.Log(), "runs at") > before })
		if out, code := c.CLI(t, "list"); code != 0 {
			t.Errorf("dev says that it is there, and: exit code %d\n%s", code, out)
		}
	}
	start()
	if out := c.MustCLI(t, "deploy", EndlessWordCount(t)); !strings.Contains(out, "version 1 runs as run 1") {
		t.Errorf("deploy says:\n%s", out)
	}
	if out := c.MustCLI(t, "status", "word-count"); !strings.Contains(out, "active") || !strings.Contains(out, "split") {
		t.Errorf("status says:\n%s", out)
	}
	logs := c.daemon("logs", "logs", "-f", "word-count")
	logs.Start(t)
	c.others = append(c.others, logs)
	worker := c.onlyWorker(t)
	before := figures(t, worker)
	Eventually(t, "logs -f shows something", func() bool { return logs.Log() != "" })

	// Killed: the worker lives on, and the next dev finds it.
	d.Kill(t)
	if out, code := c.CLI(t, "list"); code != 1 || !strings.Contains(out, "no nimbus can be reached") {
		t.Errorf("list without dev: exit code %d\n%s", code, out)
	}
	acked := figures(t, worker).Acked
	Eventually(t, "tuples flow without dev", func() bool { return figures(t, worker).Acked > acked })
	start()
	if out := c.MustCLI(t, "list"); !strings.Contains(out, "word-count") {
		t.Errorf("list after the restart says:\n%s", out)
	}
	acked = figures(t, worker).Acked
	Eventually(t, "tuples flow with the next dev", func() bool { return figures(t, worker).Acked > acked })
	after := figures(t, worker)
	if !maps.Equal(pids(before), pids(after)) || after.Failed != 0 {
		t.Errorf("%d failed; the children were %v and are %v", after.Failed, pids(before), pids(after))
	}

	if out := c.MustCLI(t, "rebalance", "word-count", "--parallelism", "split=3"); !strings.Contains(out, "runs as run 2") {
		t.Errorf("rebalance says:\n%s", out)
	}
	mustEnd(t, worker)
	worker = c.onlyWorker(t)
	Eventually(t, "there is one more task", func() bool { return len(pids(figures(t, worker))) == len(pids(before))+1 })

	// Ctrl-C ends everything, and what was deployed comes back.
	d.Signal(t, syscall.SIGINT)
	if code := d.Wait(); code != 0 {
		t.Errorf("after Ctrl-C the exit code is %d", code)
	}
	mustEnd(t, worker)
	start()
	var again *slot.Peer
	Eventually(t, "the worker is back", func() bool {
		list := c.Workers(t, 0)
		if len(list) == 1 {
			again = list[0]
		}
		return len(list) == 1
	})
	t.Cleanup(func() { again.Close() })
	c.MustCLI(t, "kill", "word-count")
	mustEnd(t, again)

	d.Signal(t, syscall.SIGTERM)
	if code := d.Wait(); code != 0 {
		t.Errorf("after SIGTERM the exit code is %d", code)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "home", "nimbus")); !os.IsNotExist(err) {
		t.Errorf("the file with its URL is left: %v", err)
	}
}

// A second dev on the same folder says so, and disturbs nothing.
func TestDevTwice(t *testing.T) {
	t.Parallel()
	c, d := dev(t)
	d.Start(t)
	Eventually(t, "dev is there", func() bool { return d.LogHas("runs at") })
	out, code := c.CLI(t, "dev", "--listen", "127.0.0.1:0")
	if code == 0 || !strings.Contains(out, "in use") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, code := c.CLI(t, "list"); code != 0 {
		t.Errorf("list: exit code %d\n%s", code, out)
	}
	d.Signal(t, syscall.SIGINT)
	if code := d.Wait(); code != 0 {
		t.Errorf("after Ctrl-C the exit code is %d", code)
	}
}
