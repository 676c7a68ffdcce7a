// Package coordinatortest holds what tests of and with the coordinator need:
// the suite that every coordinator passes ([Run]), an embedded one that starts
// in a millisecond ([Embedded]), and a [Store] whose answers can be made to
// fail, come late or get lost ([Faulty]).
//
// Its subpackages are a faulty network (faultproxy) and a real ZooKeeper
// (zookeepertest).
package coordinatortest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
	"github.com/polybolt/polybolt/coordinator/embedded"
	"github.com/polybolt/polybolt/coordinator/zk"
)

// patience bounds every wait of a test.
const patience = 60 * time.Second

// Fixture is a coordinator under test, seen below a root of its own that
// nobody else uses.
type Fixture struct {
	Servers []string // as in zk.Options
	Root    string

	// Crash kills all servers at once and starts them again with their data.
	// Nil where the data is gone then.
	Crash func(t testing.TB)
}

// Options returns the options that [Fixture.Open] uses, for those who want
// others.
func (f Fixture) Options() zk.Options {
	o := zk.DefaultOptions()
	o.Servers, o.Root = f.Servers, f.Root
	o.RequestTimeout = patience
	return o
}

// Open begins a session that ends with the test, and waits until it works. Each
// of mend may change the options.
func (f Fixture) Open(t testing.TB, mend ...func(*zk.Options)) *zk.Store {
	t.Helper()
	o := f.Options()
	for _, m := range mend {
		m(&o)
	}
	s, err := zk.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Get(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	return s
}

// Behind is Open through a network whose faults the test chooses. All of an
// ensemble's members are behind it, but the store uses only the first.
func (f Fixture) Behind(t testing.TB, mend ...func(*zk.Options)) (*zk.Store, *faultproxy.Proxy) {
	t.Helper()
	network, address := "tcp", f.Servers[0]
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	proxy := faultproxy.Start(t, network, address)
	mend = append(mend, func(o *zk.Options) { o.Servers = []string{proxy.Addr()} })
	return f.Open(t, mend...), proxy
}

// ShortSession returns a change of options: a session that a test can wait for.
func ShortSession(timeout time.Duration) func(*zk.Options) {
	return func(o *zk.Options) { o.SessionTimeout = timeout }
}

// Embedded starts an embedded coordinator in memory that ends with the test:
// what most tests of roles want.
func Embedded(t testing.TB) Fixture {
	t.Helper()
	f, _ := startEmbedded(t, false)
	return f
}

// DurableEmbedded starts an embedded coordinator with a data folder.
func DurableEmbedded(t testing.TB) Fixture {
	t.Helper()
	f, restart := startEmbedded(t, true)
	f.Crash = restart
	return f
}

func startEmbedded(t testing.TB, durable bool) (f Fixture, restart func(testing.TB)) {
	t.Helper()
	// A socket's path must be short.
	dir, err := os.MkdirTemp("", "pb-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	o := embedded.DefaultOptions()
	o.Address = "unix:" + filepath.Join(dir, "sock")
	if durable {
		o.Dir = filepath.Join(dir, "data")
	}
	stop := runEmbedded(t, o)
	t.Cleanup(func() { stop() })
	return Fixture{Servers: []string{o.Address}, Root: "/test"}, func(t testing.TB) {
		stop()
		stop = runEmbedded(t, o)
	}
}

// runEmbedded runs a server until stop is called.
func runEmbedded(t testing.TB, o embedded.Options) (stop func()) {
	t.Helper()
	server, err := embedded.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	select {
	case <-server.Ready():
	case err := <-ended:
		cancel()
		t.Fatal(fmt.Errorf("the coordinator does not start: %w", err))
	}
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Eventually polls until done, and fails the test if that takes too long. It
// must be called on the test's goroutine.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// Until receives signals of a watch until done, and fails the test if that
// takes too long.
func Until(t testing.TB, what string, signals <-chan struct{}, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !done() {
		select {
		case <-signals:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
