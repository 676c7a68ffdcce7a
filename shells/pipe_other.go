//go:build !linux

package shells

import "os"

// pipeSize is what a pipe holds at most, in bytes: macOS grows one by itself
// as it is used.
const pipeSize = 64 << 10

// pipe is a pipe with one end for us and one for a child.
type pipe struct {
	ours   *os.File
	end    *os.File
	theirs int
	size   int
}

// newPipe makes a pipe whose read end, or write end, is ours.
func newPipe(weRead, _ bool) (*pipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &pipe{ours: w, end: r, size: pipeSize}
	if weRead {
		p.ours, p.end = r, w
	}
	p.theirs = int(p.end.Fd()) // Fd makes it blocking, as programs expect
	return p, nil
}

// closeTheirs closes the child's end in our process.
func (p *pipe) closeTheirs() { p.end.Close() }

// close closes our end.
func (p *pipe) close() { p.ours.Close() }
