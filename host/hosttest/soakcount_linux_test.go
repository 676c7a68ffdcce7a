//go:build chaos

package hosttest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

func nameOf(name string) topology.Name { return topology.Name(name) }

// count counts what a cluster consists of, by what and by kind of process:
// processes, their memory and descriptors, the goroutines of ours, and nodes in
// the coordinator.
func (k *killer) count(t *testing.T, counts string) map[string]int {
	t.Helper()
	sums := map[string]int{}
	for pid, kind := range k.processes(t) {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		sums["processes, "+kind]++
		sums["descriptors, "+kind] += len(fds)
		sums["MB, "+kind] += residentMB(t, pid)
		switch kind {
		case "nimbus", "supervisor", "logview", "worker":
			sums["goroutines, "+kind] += goroutines(t, pid, counts)
		}
	}
	_, store := k.daemonView(t)
	k.nodes = slices.DeleteFunc(nodes(t, store, "/"), bounded)
	sums["nodes in ZooKeeper"] = len(k.nodes)
	return sums
}

// bounded tells nodes whose number cannot grow for ever: there is one for each
// slot that was ever used, by any run or by this one, and for each component
// that has ever failed there.
func bounded(node string) bool {
	return strings.HasPrefix(node, "/slots/") || path.Base(path.Dir(node)) == "workers" || strings.HasPrefix(path.Base(node), "failures.")
}

// processes returns the kind of each process of the cluster, by pid: all that
// have its environment.
func (k *killer) processes(t *testing.T) map[int]string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[int]string{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !bytes.Contains(env, []byte("XDG_RUNTIME_DIR="+k.Dir+"\x00")) {
			continue // it has ended, or is none of ours
		}
		argv, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil {
			continue
		}
		args := strings.Split(string(argv), "\x00")
		exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		switch {
		case err != nil:
			continue
		case exe != k.bin:
			kinds[pid] = "child"
		case args[0] == k.bin && len(args) > 1:
			kinds[pid] = args[1]
		default:
			kinds[pid] = "guardian"
		}
	}
	return kinds
}

func residentMB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb >> 10
		}
	}
	t.Fatalf("process %d has no memory", pid)
	return 0
}

// goroutines asks a process how many it has.
func goroutines(t *testing.T, pid int, counts string) (n int) {
	t.Helper()
	file := filepath.Join(counts, strconv.Itoa(pid))
	remove(t, file)
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	Eventually(t, fmt.Sprintf("process %d counts its goroutines", pid), func() bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		n, err = strconv.Atoi(string(b))
		return err == nil
	})
	return n
}

// nodes lists the nodes below one.
func nodes(t *testing.T, store coordinator.Store, at string) (list []string) {
	t.Helper()
	names, err := store.Children(t.Context(), at)
	if errors.Is(err, coordinator.ErrNoNode) {
		return nil // it went meanwhile
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		node := path.Join(at, name)
		list = append(append(list, node), nodes(t, store, node)...)
	}
	return list
}
