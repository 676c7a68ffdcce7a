package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/zk"
)

// crashEnv makes the test binary serve a data folder until it is killed.
const crashEnv = "POLYBOLT_EMBEDDED_CRASH"

func serveUntilKilled(dir string) {
	o := DefaultOptions()
	o.Address, o.Dir = unixPrefix+filepath.Join(dir, "sock"), filepath.Join(dir, "data")
	s, err := New(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		<-s.Ready()
		fmt.Println("ready")
	}()
	fmt.Fprintln(os.Stderr, s.Run(context.Background()))
	os.Exit(1)
}

// startCrasher runs a server in a process of its own.
func startCrasher(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // dead already, usually
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the server says %q, %v", line, err)
	}
	return cmd
}

// Every change that was acknowledged is there after kill -9, in the middle of
// many, again and again; and the session and its ephemeral live on.
func TestKillNine(t *testing.T) {
	t.Parallel()
	dir := socketFolder(t)
	const rounds = 8
	o := zk.DefaultOptions()
	o.Servers = []string{unixPrefix + filepath.Join(dir, "sock")}
	s, err := zk.Open(o)
	must(t, err)
	defer s.Close()

	var acknowledged sync.Map
	var session int64
	for round := range rounds {
		server := startCrasher(t, dir)
		if round == 0 {
			must(t, s.Apply(t.Context(), coordinator.CreateEphemeral("/me", nil)))
			session = s.Session().ID
		}
		killAmidChanges(t, s, server, round, &acknowledged)
	}

	startCrasher(t, dir)
	names, err := s.Children(t.Context(), "/")
	must(t, err)
	there := map[string]bool{}
	for _, name := range names {
		there["/"+name] = true
	}
	lost := 0
	acknowledged.Range(func(path, _ any) bool {
		if !there[path.(string)] {
			lost++
		}
		return true
	})
	if lost > 0 {
		t.Errorf("%d acknowledged nodes are lost", lost)
	}
	if n, err := s.Get(t.Context(), "/me"); err != nil || n.Ephemeral != session || s.Session().ID != session {
		t.Errorf("the ephemeral after %d crashes: %+v, %v; session %#x, now %#x", rounds, n, err, session, s.Session().ID)
	}
	// It goes when its session's time is over.
	must(t, s.Close())
	other, err := zk.Open(o)
	must(t, err)
	defer other.Close()
	if _, err := other.Get(t.Context(), "/me"); !errors.Is(err, coordinator.ErrNoNode) {
		t.Errorf("the ephemeral of a closed session: %v", err)
	}
}

// killAmidChanges has writers make nodes, notes those that are acknowledged,
// and kills the server after some.
func killAmidChanges(t *testing.T, s *zk.Store, server *exec.Cmd, round int, acknowledged *sync.Map) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var acks atomic.Int64
	limit := 1 + rand.Int64N(60)
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				path := fmt.Sprintf("/n-%d-%d-%d", round, w, i)
				if s.Apply(ctx, coordinator.Create(path, []byte(path))) != nil {
					continue // in doubt, and so nothing to rely on
				}
				acknowledged.Store(path, true)
				if acks.Add(1) == limit {
					close(enough)
				}
			}
		})
	}
	<-enough
	must(t, server.Process.Kill())
	cancel()
	wg.Wait()
	_ = server.Wait() // says that it was killed
}

// socketFolder is a temporary folder with a short path.
func socketFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pb-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// start runs a server until the test ends or stop is called.
func start(t testing.TB, o Options) (s *Server, stop func()) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-s.Ready():
	case err := <-ended:
		ended <- err
		t.Fatal("the server does not start: ", err)
	case <-time.After(10 * time.Second):
		t.Fatal("the server is not ready")
	}
	return s, stop
}
