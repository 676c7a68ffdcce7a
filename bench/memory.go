package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memoryTime is for how long a topology runs that is fed faster than it works.
const memoryTime = 60 * time.Second

// memory measures what the host holds when a source floods a bolt that takes 1 ms.
func (b *bench) memory() error {
	for _, rows := range []struct {
		name, must, aim string
		size            int
	}{
		{"memory of the host, 60 s against a 1 ms bolt, 20-byte rows", "100", "64", 20},
		{"memory of the host, 60 s against a 1 ms bolt, 1 MB rows", "256", "64", 1 << 20},
	} {
		if !b.wanted(rows.name) {
			continue
		}
		dir, err := b.write(map[string]string{"topology.yaml": fmt.Sprintf(`name: flood
spouts:
  spout:
%s    config: {size: %d}
    output: [row]
bolts:
  slow:
%s    config: {seconds: 0.001}
    inputs: [spout]
    output: [row]
`, b.goCommand("flood"), rows.size, b.pyCommand("slow.py"))}, "slow.py")
		if err != nil {
			return err
		}
		samples, err := b.flood(dir)
		if err != nil {
			return err
		}
		third := len(samples) / 3
		_, _, most := median(samples)
		middle, _, _ := median(samples[third : 2*third])
		end, _, _ := median(samples[2*third:])
		r := b.result(rows.name, rows.must, rows.aim, "MB")
		r.add(most, 0)
		r.notes = fmt.Sprintf("most of %d samples of worker and guardian; second third %.0f MB, last third %.0f MB", len(samples), middle, end)
		progress("%s: %.0f MB, then %.0f and %.0f", rows.name, most, middle, end)
	}
	return nil
}

// flood runs a topology and samples the memory of the host's processes, in MB.
func (b *bench) flood(dir string) (samples []float64, err error) {
	cmd := exec.Command(b.polybolt, "run", dir, "--for", memoryTime.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "POLYBOLT_HOME="+filepath.Join(b.temp, "state"))
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return nil, fmt.Errorf("%w\n%s", err, stderr.String())
			}
			return samples, nil
		case <-ticker.C:
			if mb := b.hostMemory(cmd.Process.Pid); mb > 0 {
				samples = append(samples, mb)
			}
		}
	}
}

// hostMemory adds up the resident memory of a process and of all below it that
// run the same program, in MB.
func (b *bench) hostMemory(pid int) (sum float64) {
	for _, pid := range b.family(pid) {
		sum += residentMB(pid)
	}
	return sum
}

// residentMB returns a process's resident memory. One that has ended has none.
func residentMB(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	kb := 0.0
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ = strconv.ParseFloat(strings.Fields(rest)[0], 64)
		}
	}
	return kb / 1e3
}

// family returns a process and all below it that run the measured program. What
// ends meanwhile is left out.
func (b *bench) family(pid int) []int {
	return descend(pid, func(pid int) bool {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return err == nil && exe == b.polybolt
	})
}

// treeMemory adds up the resident memory of a process and of all below it, in
// MB. What they share is counted for each.
func treeMemory(pid int) (sum float64) {
	for _, pid := range descend(pid, func(int) bool { return true }) {
		sum += residentMB(pid)
	}
	return sum
}

// descend returns a process and those below it, as far as each belongs.
func descend(pid int, belongs func(pid int) bool) (pids []int) {
	if !belongs(pid) {
		return nil
	}
	pids = []int{pid}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return pids
	}
	for _, task := range tasks {
		children, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				pids = append(pids, descend(n, belongs)...)
			}
		}
	}
	return pids
}
