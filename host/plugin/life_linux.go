package plugin

import (
	"runtime"
	"sync"
	"syscall"

	"github.com/polybolt/polybolt/host/crash"
)

// endsWithUs has the plugin ended by the kernel when this process dies, however
// that happens: it does not notice by itself.
func endsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// starter runs what starts plugins: the kernel's signal comes when the thread
// ends that forked, so that thread must live as long as the process.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func()) // never closed
	crash.Go(func() { serveThread(work) })
	return work
})

func serveThread(work <-chan func()) {
	runtime.LockOSThread()
	for f := range work {
		f()
	}
}

// onThread runs f on the thread that lives as long as the process.
func onThread(f func() error) error {
	result := make(chan error)
	starter() <- func() { result <- f() }
	return <-result
}
