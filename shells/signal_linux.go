package shells

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalDescendant sends sig to a process if it is this one, or one that it has
// started. It tells whether there was such a process.
func (p *process) signalDescendant(pid int, sig syscall.Signal) bool {
	p.mu.Lock() // nobody reaps the number we walk from
	defer p.mu.Unlock()
	if p.reaped || pid != p.pid && !slices.Contains(offspring(p.pid), pid) {
		return false
	}
	return unix.Kill(pid, sig) == nil
}
