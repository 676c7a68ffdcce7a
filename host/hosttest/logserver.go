package hosttest

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/slot"
)

var logServerStarted = regexp.MustCompile(`msg="log server started".* pid=(\d+)`)

// LogServers returns the log servers that a supervisor has started, and that
// still run. The caller closes them.
func (c *Cluster) LogServers(t testing.TB, supervisor int) []*slot.Process {
	t.Helper()
	var list []*slot.Process
	for _, m := range logServerStarted.FindAllStringSubmatch(c.Supervisors[supervisor].Log(), -1) {
		pid, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		p, err := slot.OpenProcess(pid)
		if err != nil {
			continue // it has ended
		}
		// The pid may be somebody else's by now. A zombie has no command line.
		argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || !bytes.Contains(argv, []byte(c.supervisorDir(supervisor))) {
			p.Close()
			continue
		}
		list = append(list, p)
	}
	return list
}

// endLogServers ends what would live on.
func (c *Cluster) endLogServers(t testing.TB, supervisor int) {
	for _, p := range c.LogServers(t, supervisor) {
		_ = p.Signal(syscall.SIGKILL) // it may have ended by itself
		select {
		case <-p.Done():
		case <-time.After(Patience):
			t.Errorf("a log server is left: pid %d", p.PID)
		}
		p.Close()
	}
}
