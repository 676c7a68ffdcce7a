package transport

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// memory joins links and a server by connections in memory, under a clock that
// jumps (testing/synctest).
type memory struct {
	server *Server
	dials  atomic.Int64
	writes [2]atomic.Int64 // of dialer and server

	mu    sync.Mutex
	wires []*wire // guarded by mu: all that were made
}

// wire is an end of a connection in memory. When it is dead, what is written is
// lost and nothing comes, without anybody being told.
type wire struct {
	net.Conn
	writes *atomic.Int64
	dead   atomic.Bool
}

func (w *wire) Write(b []byte) (int, error) {
	w.writes.Add(1)
	if w.dead.Load() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

func (m *memory) dial(context.Context, string) (raw, conn net.Conn, err error) {
	m.dials.Add(1)
	a, b := net.Pipe()
	near, far := &wire{Conn: a, writes: &m.writes[0]}, &wire{Conn: b, writes: &m.writes[1]}
	m.mu.Lock()
	m.wires = append(m.wires, near, far)
	m.mu.Unlock()
	m.server.welcome(far)
	return near, near, nil
}

// kill makes all connections half open.
func (m *memory) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.wires {
		w.dead.Store(true)
	}
}

// inMemory runs a test with a link from worker 1 to worker 2, which is up.
func inMemory(t *testing.T, limits Limits, test func(t *testing.T, m *memory, l *Link, there *counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		there := &counter{t: t, name: "there"}
		s, err := Listen(ServerOptions{Self: identity(2), Limits: limits, Handler: func(_ *Inbound, msg Message) { there.take(msg) }, Log: testLog(t)})
		if err != nil {
			t.Fatal(err)
		}
		m := &memory{server: s}
		l := linkTo(t, "memory", LinkOptions{Limits: limits})
		l.dial = m.dial
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error("server: ", err)
			}
		})
		synctest.Wait() // until the server runs
		wg.Go(func() {
			if err := l.Run(ctx); !errors.Is(err, context.Canceled) {
				t.Error("link: ", err)
			}
		})
		synctest.Wait()
		test(t, m, l, there)
		cancel()
		wg.Wait()
	})
}

// An hour without anything to say: the connection stays, for a frame every
// second or two.
func TestIdleHour(t *testing.T) {
	t.Parallel()
	inMemory(t, Limits{}, func(t *testing.T, m *memory, l *Link, there *counter) {
		time.Sleep(time.Hour)
		if err := l.Send(7, numbered(0)...); err != nil {
			t.Fatal(err)
		}
		flush(t, l)
		if m.dials.Load() != 1 || there.next.Load() != 1 {
			t.Errorf("%d connections, %d messages", m.dials.Load(), there.next.Load())
		}
		for side := range m.writes {
			if n := m.writes[side].Load(); n < 1800 || n > 3700 {
				t.Errorf("side %d has written %d times", side, n)
			}
		}
	})
}

// A connection that dies without a word is given up after the time of silence,
// and what was on its way arrives over the next one.
func TestSilenceIsNoticedInTime(t *testing.T) {
	t.Parallel()
	inMemory(t, Limits{}, func(t *testing.T, m *memory, l *Link, there *counter) {
		time.Sleep(time.Minute)
		m.kill()
		began := time.Now()
		for i := range uint64(1000) {
			if err := l.Send(7, numbered(i)...); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, l)
		if took := time.Since(began); took < 3*time.Second || took > DefaultLimits.Silence+time.Second {
			t.Errorf("noticed after %v", took)
		}
		if m.dials.Load() != 2 || there.next.Load() != 1000 {
			t.Errorf("%d connections, %d messages", m.dials.Load(), there.next.Load())
		}
	})
}

// A server that keeps a link for a while forgets it after that, and says so.
func TestForgottenLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 2)
		s, err := Listen(ServerOptions{Self: identity(2), Keep: time.Minute, Handler: func(*Inbound, Message) {}, Log: testLog(t), Ended: func(_ *Inbound, err error) { ended <- err }})
		if err != nil {
			t.Fatal(err)
		}
		m := &memory{server: s}
		var away atomic.Bool // the network is gone
		l := linkTo(t, "memory", LinkOptions{})
		l.dial = func(ctx context.Context, addr string) (net.Conn, net.Conn, error) {
			if away.Load() {
				return nil, nil, errors.New("no route to host")
			}
			return m.dial(ctx, addr)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Run(ctx) })
		synctest.Wait()
		result := make(chan error, 1)
		go func() { result <- l.Run(t.Context()) }()
		if err := l.Send(1, []byte("one")); err != nil {
			t.Fatal(err)
		}
		flush(t, l)
		away.Store(true)
		m.kill()
		if err := l.Send(1, []byte("two")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if len(ended) != 0 {
			t.Fatal("the server has lost patience")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		away.Store(false)
		err = <-result
		theirs := <-ended
		r := (*Refusal)(nil)
		if !errors.As(err, &r) || r.Code != CodeForgotten || !strings.Contains(theirs.Error(), "no connection for 1m0s") {
			t.Errorf("the link ends with %v, and the server's with %v", err, theirs)
		}
		if _, n := l.Unacked(); n != 1 {
			t.Errorf("%d messages are undelivered", n)
		}
		cancel()
		wg.Wait()
	})
}
