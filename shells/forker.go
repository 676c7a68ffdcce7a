package shells

import (
	"runtime"
	"sync"
)

// forker runs functions on one OS thread for as long as this process lives.
// Linux sends the parent-death signal when the thread that forked ends, and
// the runtime ends threads as it likes: so all children come from this one.
// Its goroutine is the only one of this package that is never waited for.
var forker struct {
	start sync.Once
	work  chan func() // unbuffered; never closed
}

// onForkThread runs f there and returns when it has returned.
func onForkThread(f func()) {
	forker.start.Do(func() {
		forker.work = make(chan func())
		go forkThread(forker.work)
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
