package shells

import (
	"os"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/polybolt/polybolt/host/crash"
)

// forker runs functions on one OS thread for as long as this process lives.
// Linux sends the parent-death signal when the thread that forked ends, and
// the runtime ends threads as it likes: so all children come from this one.
// Its goroutine is the only one of this package that is never waited for.
var forker struct {
	start sync.Once
	work  chan func() // unbuffered; never closed
}

// closeOnExec keeps what this process was itself given from its children: a
// shell, a terminal or a service manager may have left descriptors open that
// none of our children has a right to. The Go runtime marks its own.
func closeOnExec() {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return // no /proc: then children see what we were given, as anywhere
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// onForkThread runs f there and returns when it has returned.
func onForkThread(f func()) {
	forker.start.Do(func() {
		closeOnExec()
		forker.work = make(chan func())
		crash.Go(func() { forkThread(forker.work) })
	})
	done := make(chan struct{})
	forker.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

func forkThread(work <-chan func()) {
	runtime.LockOSThread()
	for f := range work {
		f()
	}
}
