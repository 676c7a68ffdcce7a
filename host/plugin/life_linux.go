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

// starters run what starts plugins: the kernel's signal comes when the thread
// ends that forked, so that thread must live as long as the process. Each kind
// has one of its own: a start goes on until the plugin has shaken hands, and
// one that never does holds up no plugin of another kind.
var starters struct {
	mu     sync.Mutex
	byKind map[*kind]chan<- func() // guarded by mu; the channels are never closed
}

// starter returns the thread of a kind.
func (k *kind) starter() chan<- func() {
	starters.mu.Lock()
	defer starters.mu.Unlock()
	if starters.byKind == nil {
		starters.byKind = map[*kind]chan<- func(){}
	}
	if starters.byKind[k] == nil {
		work := make(chan func())
		crash.Go(func() { serveThread(work) })
		starters.byKind[k] = work
	}
	return starters.byKind[k]
}

func serveThread(work <-chan func()) {
	runtime.LockOSThread()
	for f := range work {
		f()
	}
}

// onThread runs f on a thread that lives as long as the process.
func (k *kind) onThread(f func() error) error {
	result := make(chan error)
	k.starter() <- func() { result <- f() }
	return <-result
}
