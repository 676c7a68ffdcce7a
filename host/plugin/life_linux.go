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

// starter runs what starts plugins of one kind: the kernel's signal comes when
// the thread ends that forked, so that thread must live as long as the process.
// A start goes on until the plugin has shaken hands, and one that never does
// holds up no plugin of another kind.
type starter struct {
	once sync.Once
	work chan func() // never closed
}

func serveThread(work <-chan func()) {
	runtime.LockOSThread()
	for f := range work {
		f()
	}
}

// run runs f on the thread that lives as long as the process.
func (s *starter) run(f func() error) error {
	s.once.Do(func() {
		s.work = make(chan func())
		crash.Go(func() { serveThread(s.work) })
	})
	result := make(chan error)
	s.work <- func() { result <- f() }
	return <-result
}
