package shells

import (
	"golang.org/x/sys/unix"
)

// pipe is a pipe with one end for us, which does not block, and one for a
// child, which blocks as programs expect.
type pipe struct {
	ours   int // -1 once somebody else has to close it
	theirs int
	size   int // what it holds, in bytes
	booked int // of the process-wide budget
}

// newPipe makes a pipe whose read end, or write end, is ours. Both ends close
// on exec. A data pipe is grown.
func newPipe(weRead, data bool) (*pipe, error) {
	var fd [2]int
	if err := unix.Pipe2(fd[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	ours, theirs := fd[1], fd[0]
	if weRead {
		ours, theirs = theirs, ours
	}
	if err := unix.SetNonblock(ours, true); err != nil {
		unix.Close(ours)
		unix.Close(theirs)
		return nil, err
	}
	p := &pipe{ours: ours, theirs: theirs}
	if data {
		p.booked = pipes.grow(ours)
	}
	size, err := unix.FcntlInt(uintptr(ours), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		size = pipeDefault
	}
	p.size = size
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

// close closes our end, unless somebody took it, and gives the budget back.
func (p *pipe) close() {
	if p.ours >= 0 {
		unix.Close(p.take())
	}
	pipes.release(p.booked)
	p.booked = 0
}
