package zookeepertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// startTimeout bounds everything that waits for a server: 1 s is usual, more
// on a machine that does much else.
const startTimeout = 60 * time.Second

// Config says what to launch. The zero Config is one server without TLS.
type Config struct {
	Members int      // 0 means 1
	Secure  bool     // opens a TLS port too; Lines must name key and trust stores
	Lines   []string // further lines for zoo.cfg
}

// Server is a running ZooKeeper: one server or an ensemble. Members are
// numbered from 0. Its methods may be called concurrently for different
// members.
type Server struct {
	java, classPath string
	members         []*member
	roots           atomic.Int64
}

// Start runs one ZooKeeper server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartConfig(t, Config{})
}

// StartEnsemble runs an ensemble of n members that ends with the test.
func StartEnsemble(t testing.TB, n int) *Server {
	t.Helper()
	return StartConfig(t, Config{Members: n})
}

// StartConfig runs what cfg says until the test ends.
func StartConfig(t testing.TB, cfg Config) *Server {
	t.Helper()
	s, err := Launch(t.Context(), t.TempDir(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if t.Failed() {
			for _, m := range s.members {
				t.Logf("log of ZooKeeper member %d:\n%s", m.id-1, m.tail(8<<10))
			}
		}
	})
	return s
}

// Launch is for those who have no test at hand, like a TestMain. The server
// lives in dir, which is the caller's to remove, until Close or the end of
// this process.
func Launch(ctx context.Context, dir string, cfg Config) (*Server, error) {
	path, err := java()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	classPath, err := Install(ctx)
	if err != nil {
		return nil, err
	}
	for attempt := range 5 {
		s := &Server{java: path, classPath: classPath}
		err = s.launch(filepath.Join(dir, strconv.Itoa(attempt)), cfg)
		if err == nil {
			return s, nil
		}
		s.Close()
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, err
}

func (s *Server) launch(dir string, cfg Config) error {
	n := max(cfg.Members, 1)
	ports, err := reservePorts(4 * n)
	if err != nil {
		return err
	}
	for i := range n {
		m := &member{
			id: i + 1, dir: filepath.Join(dir, strconv.Itoa(i)),
			client: ports[4*i], peer: ports[4*i+1], vote: ports[4*i+2],
		}
		if cfg.Secure {
			m.secure = ports[4*i+3]
		}
		s.members = append(s.members, m)
	}
	for _, m := range s.members {
		if err := m.configure(s.members, cfg.Lines); err != nil {
			return err
		}
		if err := m.start(s.java, s.classPath); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(startTimeout)
	for _, m := range s.members {
		if err := m.waitReady(deadline); err != nil {
			return err
		}
	}
	return nil
}

// Close kills all members. It may be called more than once.
func (s *Server) Close() {
	for _, m := range s.members {
		m.kill()
	}
}

// Len returns the number of members.
func (s *Server) Len() int { return len(s.members) }

// Addr returns host and port of a member.
func (s *Server) Addr(i int) string { return s.members[i].addr() }

// SecureAddr returns host and TLS port of a member.
func (s *Server) SecureAddr(i int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.members[i].secure))
}

// Addrs returns host and port of every member.
func (s *Server) Addrs() []string {
	addrs := make([]string, len(s.members))
	for i, m := range s.members {
		addrs[i] = m.addr()
	}
	return addrs
}

// Root returns a path that no other caller gets from this server, so that
// tests that share it do not see each other. The node is not created.
func (s *Server) Root() string {
	return fmt.Sprintf("/test-%d-%d", os.Getpid(), s.roots.Add(1))
}

// Kill ends a member with SIGKILL.
func (s *Server) Kill(t testing.TB, i int) {
	t.Helper()
	s.members[i].kill()
}

// Restart kills a member if it runs, starts it again on the same ports with
// the data it had, and waits until it serves: without a quorum that fails.
func (s *Server) Restart(t testing.TB, i int) {
	t.Helper()
	s.RestartNoWait(t, i)
	s.WaitReady(t, i)
}

// RestartNoWait is Restart that does not wait until the member serves.
func (s *Server) RestartNoWait(t testing.TB, i int) {
	t.Helper()
	s.members[i].kill()
	if err := s.members[i].start(s.java, s.classPath); err != nil {
		t.Fatal(err)
	}
}

// WaitReady waits until a member serves.
func (s *Server) WaitReady(t testing.TB, i int) {
	t.Helper()
	if err := s.members[i].waitReady(time.Now().Add(startTimeout)); err != nil {
		t.Fatal(err)
	}
}

// Pause freezes a member with SIGSTOP: its connections stay open and silent.
func (s *Server) Pause(t testing.TB, i int) {
	t.Helper()
	s.signal(t, i, syscall.SIGSTOP)
}

// Resume lets a frozen member go on.
func (s *Server) Resume(t testing.TB, i int) {
	t.Helper()
	s.signal(t, i, syscall.SIGCONT)
}

func (s *Server) signal(t testing.TB, i int, sig syscall.Signal) {
	t.Helper()
	if err := s.members[i].signal(sig); err != nil {
		t.Fatalf("%v to ZooKeeper member %d: %v", sig, i, err)
	}
}

// Mode returns "standalone", "leader" or "follower", or an error while a
// member does not serve.
func (s *Server) Mode(i int) (string, error) { return s.members[i].mode() }

// Command sends a member a four-letter word, like "srvr" or "cons".
func (s *Server) Command(t testing.TB, i int, word string) string {
	t.Helper()
	answer, err := s.members[i].command(word, 5*time.Second)
	if err != nil {
		t.Fatalf("%s to ZooKeeper member %d: %v", word, i, err)
	}
	return strings.TrimSpace(answer)
}

// Leader returns the number of the ensemble's leader.
func (s *Server) Leader(t testing.TB) int {
	t.Helper()
	deadline := time.Now().Add(startTimeout)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for now := time.Now(); now.Before(deadline); now = <-tick.C {
		for i, m := range s.members {
			if mode, err := m.mode(); err == nil && (mode == "leader" || mode == "standalone") {
				return i
			}
		}
	}
	t.Fatal("the ensemble has no leader")
	return -1
}
