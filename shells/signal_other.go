//go:build !linux

package shells

import "syscall"

// signalDescendant sends sig to a process if it is this one: who descends from
// whom is not known here.
func (p *process) signalDescendant(pid int, sig syscall.Signal) bool {
	if pid != p.pid {
		return false
	}
	p.signal(sig, false)
	return true
}
