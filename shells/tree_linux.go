package shells

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// procStat is what /proc/PID/stat says of a process (proc_pid_stat(5)).
type procStat struct {
	pid, ppid, pgid int
	state           byte   // R running, S sleeping, D in the kernel, T stopped, t stopped by a debugger, Z dead
	ticks           uint64 // CPU time of it and of the dead children it waited for, in 1/100 s
	start           uint64 // ticks since boot
	pages           int64  // resident
}

func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procStat{}, err
	}
	return parseStat(b)
}

// parseStat reads a line of /proc/PID/stat. The second field, the program's
// name in parentheses, may itself contain spaces and parentheses.
func parseStat(b []byte) (procStat, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return procStat{}, fmt.Errorf("not a line of /proc/PID/stat: %q", b)
	}
	f := bytes.Fields(b[end+1:]) // f[0] is field 3 of the manual page
	if len(f) < 22 || len(f[0]) != 1 || f[0][0]|0x20 < 'a' || f[0][0]|0x20 > 'z' {
		return procStat{}, fmt.Errorf("not a line of /proc/PID/stat: %q", b)
	}
	var bad error
	number := func(field []byte) int64 {
		n, err := strconv.ParseInt(string(field), 10, 64)
		bad = errors.Join(bad, err)
		return n
	}
	s := procStat{
		pid:   int(number(bytes.TrimSpace(b[:open]))),
		state: f[0][0],
		ppid:  int(number(f[1])),
		pgid:  int(number(f[2])),
		ticks: uint64(number(f[11]) + number(f[12]) + number(f[13]) + number(f[14])),
		start: uint64(number(f[19])),
		pages: number(f[21]),
	}
	return s, bad
}

// offspring lists the living descendants of a process, each after its parent. It is exact
// only if none of them forks or exits meanwhile.
func offspring(pid int) []int {
	var all []int
	for queue := []int{pid}; len(queue) > 0; {
		kids, err := childrenOf(queue[0])
		if err != nil {
			return scanOffspring(pid)
		}
		queue = append(queue[1:], kids...)
		all = append(all, kids...)
	}
	return all
}

// childrenOf reads the children of a process, those of all its threads. The
// error says that this kernel does not list them (CONFIG_PROC_CHILDREN).
func childrenOf(pid int) ([]int, error) {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := readNames(dir)
	if err != nil {
		return nil, nil // it is gone, and its children are someone else's
	}
	var kids []int
	for _, thread := range threads {
		b, err := os.ReadFile(dir + "/" + thread + "/children")
		if err != nil {
			if _, gone := os.Stat(dir + "/" + thread); gone != nil {
				continue
			}
			return nil, err
		}
		for _, word := range strings.Fields(string(b)) {
			kid, err := strconv.Atoi(word)
			if err != nil {
				return nil, err
			}
			kids = append(kids, kid)
		}
	}
	return kids, nil
}

// listChildren is childrenOf on any kernel.
func listChildren(pid int) []int {
	kids, err := childrenOf(pid)
	if err == nil {
		return kids
	}
	for _, s := range allProcesses() {
		if s.ppid == pid {
			kids = append(kids, s.pid)
		}
	}
	return kids
}

// scanOffspring is offspring by looking at every process of the machine.
func scanOffspring(pid int) []int {
	kids := map[int][]int{}
	for _, s := range allProcesses() {
		kids[s.ppid] = append(kids[s.ppid], s.pid)
	}
	all := append([]int(nil), kids[pid]...)
	for i := 0; i < len(all); i++ {
		all = append(all, kids[all[i]]...)
	}
	return all
}

// allProcesses lists what /proc shows now.
func allProcesses() []procStat {
	names, err := readNames("/proc")
	if err != nil {
		return nil
	}
	var all []procStat
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if s, err := readStat(pid); err == nil { // else it is gone
				all = append(all, s)
			}
		}
	}
	return all
}

func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// ownProc tells whether /proc shows the pid namespace that we are in. If not,
// its numbers mean other processes than ours.
func ownProc() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
}

// held is a process that stays the one that was looked at: its number is not
// given to another while the descriptor is open.
type held struct {
	pid int
	fd  int // a pidfd; -1 where there is none
}

// hold takes hold of a process if its parent is one of those.
func hold(pid int, parents map[int]bool) (held, bool) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return held{}, false
	}
	// Only now is it certain whom the answer is about.
	if s, err := readStat(pid); err != nil || !parents[s.ppid] || s.state == 'Z' {
		if fd >= 0 {
			unix.Close(fd)
		}
		return held{}, false
	}
	return held{pid, fd}, true
}

// signal sends sig. Failing, it has nothing left to do: the process is gone, or
// belongs to another user (setuid), whom only root may end.
func (h held) signal(sig syscall.Signal) {
	if h.fd >= 0 {
		_ = unix.PidfdSendSignal(h.fd, sig, nil, 0)
	} else {
		_ = unix.Kill(h.pid, sig)
	}
}

func (h held) release() {
	if h.fd >= 0 {
		unix.Close(h.fd)
	}
}

// maxRounds bounds killOffspring. A process that was sent SIGSTOP forks no
// more, so each round finds the children of processes that the one before found.
const maxRounds = 1000

// killOffspring ends all descendants of a process that is stopped, or is the caller. It
// stops them generation by generation before it kills the first: a process that
// dies gives its children away, and then nobody knows whose they were.
func killOffspring(pid int) {
	parents := map[int]bool{pid: true}
	var family []held
	for range maxRounds {
		grown := false
		for _, kid := range offspring(pid) {
			if parents[kid] {
				continue
			}
			if h, ok := hold(kid, parents); ok {
				h.signal(syscall.SIGSTOP)
				parents[kid] = true
				family = append(family, h)
				grown = true
			}
		}
		if !grown {
			break
		}
	}
	for _, h := range family {
		h.signal(syscall.SIGKILL)
		h.release()
	}
}

// killMarked ends the processes that outlived the one that started them: they
// were handed to one of our ancestors (init, or our guardian), have mark in the
// environment they were started with, and are not older than since.
func killMarked(mark string, since uint64) {
	ancestors := map[int]bool{1: true}
	for pid := os.Getppid(); pid > 1; {
		s, err := readStat(pid)
		if err != nil {
			break
		}
		ancestors[pid] = true
		pid = s.ppid
	}
	for pid := range ancestors {
		for _, kid := range listChildren(pid) {
			if ancestors[kid] || kid == os.Getpid() || !marked(kid, mark, since) {
				continue
			}
			if h, ok := hold(kid, ancestors); ok {
				if marked(kid, mark, since) { // still the same one
					h.signal(syscall.SIGSTOP)
					killOffspring(kid)
					h.signal(syscall.SIGKILL)
				}
				h.release()
			}
		}
	}
}

// looks is how often a process is looked at, once a millisecond, that cannot
// be asked now: in the middle of execve it has no environment, and one that
// hangs inside the kernel (state D) may hang whoever reads its memory. Waiting
// for a page from the disk looks like that, too, but is over soon.
const looks = 50

// marked tells whether a process was started with mark in its environment, and
// not before since.
func marked(pid int, mark string, since uint64) bool {
	for range looks {
		s, err := readStat(pid)
		if err != nil || s.start < since || s.state == 'Z' {
			return false
		}
		if s.state != 'D' {
			b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
			if err != nil {
				return false // gone, or another user's
			}
			if len(b) > 0 {
				return bytes.HasPrefix(b, []byte(mark+"\x00")) || bytes.Contains(b, []byte("\x00"+mark+"\x00"))
			}
		}
		time.Sleep(time.Millisecond)
	}
	return false
}
