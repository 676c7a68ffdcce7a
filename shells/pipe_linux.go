package shells

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipe is a pipe with one end for us, which the runtime polls, and one for a
// child, which blocks as programs expect.
type pipe struct {
	ours   *os.File
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
	p := &pipe{theirs: theirs}
	if data {
		p.booked = pipes.grow(ours)
	}
	size, err := unix.FcntlInt(uintptr(ours), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		size = pipeDefault
	}
	p.size = size
	p.ours = os.NewFile(uintptr(ours), "pipe")
	return p, nil
}

// closeTheirs closes the child's end in our process.
func (p *pipe) closeTheirs() { unix.Close(p.theirs) }

// close closes our end and gives the budget back.
func (p *pipe) close() {
	p.ours.Close() // the writer may have closed it already
	pipes.release(p.booked)
	p.booked = 0
}
