package hosttest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/tools/smalldisk"
)

// next waits for the worker that takes a dead one's place, and for tuples to
// flow in it.
func (c *Cluster) next(t *testing.T, before *slot.Peer) *slot.Peer {
	t.Helper()
	var worker *slot.Peer
	Eventually(t, "another worker is there", func() bool {
		for _, p := range c.Workers(t, 0) {
			if worker == nil && p.Identity.Incarnation != "" && p.Identity.Incarnation != before.Identity.Incarnation {
				worker = p
			} else {
				p.Close()
			}
		}
		return worker != nil
	})
	t.Cleanup(func() { worker.Close() })
	Eventually(t, "tuples flow", func() bool { return figures(t, worker).Acked > 0 })
	return worker
}

// A worker that is killed while there is no coordinator, and a supervisor
// likewise, are back before the coordinator is.
func TestWorkerAndSupervisorKilledWithoutZooKeeper(t *testing.T) {
	t.Parallel()
	zk := zookeepertest.Start(t)
	c := Start(t, Config{ZooKeeper: zk})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	first := c.onlyWorker(t)
	zk.Kill(t, 0)
	if err := first.Worker.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := c.next(t, first)

	c.Supervisors[0].Kill(t)
	if err := second.Worker.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, second)
	c.Supervisors[0].Start(t)
	third := c.next(t, second)

	before := figures(t, third)
	zk.Restart(t, 0)
	Eventually(t, "nimbus sees the worker", func() bool {
		s, err := c.API.Status(t.Context(), "word-count")
		return err == nil && s.State == "active" && len(s.WorkerList) == 1 && s.WorkerList[0].PID == third.Worker.PID
	})
	if after := figures(t, third); !maps.Equal(pids(before), pids(after)) || after.Failed != 0 {
		t.Errorf("the coordinator's return disturbed children: %d failed, they were %v and are %v", after.Failed, pids(before), pids(after))
	}
	c.MustCLI(t, "kill", "word-count")
	mustEnd(t, third)
}

// A worker that is stopped is silent, and is replaced.
func TestStoppedWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	worker := c.onlyWorker(t)
	if err := worker.Worker.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, worker)
	c.next(t, worker)
	if !c.Supervisors[0].LogHas("killed") {
		t.Error("the supervisor does not say what it did")
	}
}

// A supervisor that starts anew finds a worker that is stopped, and ends it although its guardian is stopped too.
func TestStoppedWorkerAndGuardianAreFound(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	worker := c.onlyWorker(t)
	c.Supervisors[0].Kill(t)
	for _, p := range []*slot.Process{worker.Guardian, worker.Worker} {
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	c.Supervisors[0].Start(t)
	mustEnd(t, worker)
	c.next(t, worker)
}

// Workers that no supervisor asks for end, if they were told to.
func TestOrphanEnds(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Orphan: 5 * time.Second})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	worker := c.onlyWorker(t)
	c.Supervisors[0].Kill(t)
	mustEnd(t, worker)
	if log := c.WorkerLog(t, 0, "word-count"); !strings.Contains(log, "no supervisor has asked for this worker") {
		t.Errorf("the worker does not say why it ended:\n%s", log)
	}
}

// hideaway is a bolt with a grandchild in a session of its own, which ignores what it can.
const hideaway = `
import os, signal, subprocess, sys

from polybolt import bolt

nested = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; print('ready', flush=True); time.sleep(3600)"
grandchild = subprocess.Popen([sys.executable, "-c", nested], start_new_session=True, stdout=subprocess.PIPE)
grandchild.stdout.readline()
with open(os.environ["PID_FILE"], "w") as file:
    file.write(str(grandchild.pid))


@bolt
def split(line):
    for word in line.split():
        yield word


split.run()
`

// What a component hid away ends with its worker, whether that is asked to end
// or killed, by the supervisor that started it or by another.
func TestWholeTreeEnds(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	dir := EndlessWordCount(t)
	file := filepath.Join(t.TempDir(), "pid")
	WriteFile(t, dir, "split.py", hideaway)
	grandchild := func() *slot.Process {
		t.Helper()
		var p *slot.Process
		Eventually(t, "the grandchild is there", func() bool {
			b, err := os.ReadFile(file)
			if err != nil {
				return false
			}
			pid, err := strconv.Atoi(string(b))
			if err != nil {
				return false
			}
			p, err = slot.OpenProcess(pid)
			return err == nil
		})
		t.Cleanup(p.Close)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return p
	}
	ended := func(p *slot.Process) {
		t.Helper()
		select {
		case <-p.Done():
		case <-time.After(Patience):
			t.Fatal("a grandchild is left")
		}
	}
	c.MustCLI(t, "deploy", dir, "--set", "bolts.split.env.PID_FILE="+file, "--set", "bolts.split.parallelism=1")
	worker, hidden := c.onlyWorker(t), grandchild()
	c.Supervisors[0].Kill(t)
	if err := worker.Worker.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ended(hidden)
	c.Supervisors[0].Start(t)
	c.next(t, worker)
	hidden = grandchild()
	c.MustCLI(t, "kill", "word-count")
	ended(hidden)
}

// A bundle that was changed on disk is not run: it is fetched again.
func TestBundleSpoiltOnDisk(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	worker := c.onlyWorker(t)
	c.spoil(t, 0, "split.py")
	if err := worker.Worker.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.next(t, worker)
	if !c.Supervisors[0].LogHas(fetchedAgain) {
		t.Error("the supervisor does not say so")
	}
}

// fetchedAgain is what a supervisor says of code that was changed.
const fetchedAgain = "is not what was deployed: fetching it again"

// spoil changes a component's file in the code that a machine has unpacked.
func (c *Cluster) spoil(t *testing.T, machine int, file string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.supervisorDir(machine), "bundles", "*", file))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range []string{filepath.Dir(files[0]), files[0]} {
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(files[0], []byte("raise SystemExit(1)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// On a full disk nothing comes up, everybody says why, and what runs goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := smalldisk.Need(t, "1m")
	c := Start(t, Config{ZooKeeper: zookeeper, Disk: func(int) string { return filepath.Join(disk, "machine") }})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	worker := c.onlyWorker(t)
	before := figures(t, worker)

	dir := EndlessWordCount(t)
	WriteFile(t, dir, "big.txt", strings.Repeat(fmt.Sprintln("a text that fills the disk"), 100_000))
	out, code := c.CLI(t, "deploy", dir)
	if code != 1 || !strings.Contains(out, "no space left on device") {
		t.Errorf("deploy on a full disk: exit code %d\n%s", code, out)
	}
	if after := figures(t, worker); !maps.Equal(pids(before), pids(after)) || after.Failed != 0 {
		t.Errorf("what ran was disturbed: %d failed, children %v, before %v", after.Failed, pids(after), pids(before))
	}
	smalldisk.Enlarge(t, disk, "64m")
	if out := c.MustCLI(t, "deploy", dir); !strings.Contains(out, "version ") {
		t.Errorf("deploy says:\n%s", out)
	}
}
