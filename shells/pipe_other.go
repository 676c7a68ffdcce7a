//go:build !linux

package shells

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeSize is what a pipe holds at most, in bytes: macOS grows one by itself
// as it is used.
const pipeSize = 64 << 10

// pipe is a pipe with one end for us, which does not block, and one for a
// child, which blocks as programs expect.
type pipe struct {
	ours   int // -1 once somebody else has to close it
	theirs int
	size   int
}

// newPipe makes a pipe whose read end, or write end, is ours.
func newPipe(weRead, _ bool) (*pipe, error) {
	var fd [2]int
	syscall.ForkLock.RLock() // nobody forks before both ends close on exec
	err := unix.Pipe(fd[:])
	if err == nil {
		unix.CloseOnExec(fd[0])
		unix.CloseOnExec(fd[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	p := &pipe{ours: fd[1], theirs: fd[0], size: pipeSize}
	if weRead {
		p.ours, p.theirs = fd[0], fd[1]
	}
	if err := unix.SetNonblock(p.ours, true); err != nil {
		p.closeTheirs()
		p.close()
		return nil, err
	}
	return p, nil
}

// take returns our end, which the caller closes from now on.
func (p *pipe) take() int {
	fd := p.ours
	p.ours = -1
	return fd
}

// closeTheirs closes the child's end in our process.
func (p *pipe) closeTheirs() { unix.Close(p.theirs) }

// close closes our end, unless somebody took it.
func (p *pipe) close() {
	if p.ours >= 0 {
		unix.Close(p.take())
	}
}
