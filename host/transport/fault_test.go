package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
)

// patience bounds what must happen in the end, on a machine with other work.
const patience = 60 * time.Second

// quick are limits under which faults are found soon.
var quick = Limits{Ping: 50 * time.Millisecond, Silence: time.Second, Backoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond}

// eventually polls.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// counter checks that numbers arrive once and in order.
type counter struct {
	t    testing.TB
	name string
	next atomic.Uint64
}

func (c *counter) take(m Message) {
	want := c.next.Load()
	if got := binary.BigEndian.Uint64(m.Body); got != want {
		c.t.Errorf("%s: %d came, want %d", c.name, got, want)
	}
	if tail := m.Body[8:]; len(tail) != tailSize(want) || bytes.Count(tail, []byte{byte(want)}) != len(tail) {
		c.t.Errorf("%s: %d has another body, of %d bytes", c.name, want, len(tail))
	}
	c.next.Store(want + 1)
}

// tailSize makes most messages small and some large.
func tailSize(number uint64) int {
	if number%1000 == 999 {
		return 100_000
	}
	return int(number % 61)
}

func numbered(number uint64) [][]byte {
	return [][]byte{binary.BigEndian.AppendUint64(nil, number), bytes.Repeat([]byte{byte(number)}, tailSize(number))}
}

// flow is a link through a proxy, with what counts at both ends: each message is echoed.
type flow struct {
	link        *Link
	server      *Server
	proxy       *faultproxy.Proxy
	there, back counter
	sent        uint64
	downs       atomic.Int64
	ups         atomic.Int64
	stop        func() error
}

// start makes a flow over TCP, TLS or a Unix socket. With direct the link also
// knows the server's own address.
func start(t testing.TB, kind string, limits Limits, direct bool) *flow {
	t.Helper()
	f := &flow{there: counter{t: t, name: "there"}, back: counter{t: t, name: "back"}}
	so := ServerOptions{Limits: limits, Handler: func(in *Inbound, m Message) {
		f.there.take(m)
		if err := in.Reply(9, m.Body); err != nil {
			t.Error(err)
		}
	}}
	lo := LinkOptions{Limits: limits, Handler: f.back.take, State: func(up bool, _ error) {
		if up {
			f.ups.Add(1)
		} else {
			f.downs.Add(1)
		}
	}}
	network := "tcp"
	switch kind {
	case "unix":
		network = "unix"
		so.Listen = []string{"unix:" + filepath.Join(t.TempDir(), "own", "s")}
	case "tls":
		ca := testCA(t, 1, testTopology)
		so.TLS, lo.TLS = ca.Config(2), ca.Config(1)
	}
	f.server = serverOf(t, so)
	addr := f.server.Addrs()[0]
	target := addr
	if network == "unix" {
		target = addr[len(unixPrefix):]
	}
	f.proxy = faultproxy.Start(t, network, target)
	lo.Peer = Peer{Worker: 2, Addrs: []string{f.proxy.Addr()}}
	if direct {
		lo.Peer.Addrs = append(lo.Peer.Addrs, addr)
	}
	f.link = linkTo(t, "", lo)
	f.stop = run(t, f.link.Run)
	return f
}

// send sends n more messages, no more than a few MiB of them unacknowledged.
func (f *flow) send(t testing.TB, n int) {
	t.Helper()
	for range n {
		if size, _ := f.link.Unacked(); size > 4<<20 {
			eventually(t, "room", func() bool { size, _ := f.link.Unacked(); return size < 2<<20 })
		}
		if err := f.link.Send(7, numbered(f.sent)...); err != nil {
			t.Fatal(err)
		}
		f.sent++
	}
}

// done waits until all messages have come and gone.
func (f *flow) done(t testing.TB) {
	t.Helper()
	eventually(t, "every message arrives, and every echo", func() bool { return f.there.next.Load() == f.sent && f.back.next.Load() == f.sent })
	flush(t, f.link)
	if err := f.stop(); err != context.Canceled {
		t.Errorf("Run: %v", err)
	}
}

// Connections break all the time, at any byte, and everything arrives once and in order.
func TestCuts(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tcp", "tls", "unix"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const cuts, each = 50, 2000 // 100,000 in all
			f := start(t, kind, quick, false)
			for range cuts {
				// A cut at a random place of what is on its way: after some
				// messages have arrived, while more are written.
				goal := f.sent + uint64(rand.IntN(each))
				f.send(t, each)
				eventually(t, "messages arrive", func() bool { return f.there.next.Load() >= goal })
				before := f.proxy.Connections()
				f.proxy.Cut()
				eventually(t, "it connects again", func() bool { return f.proxy.Connections() > before })
			}
			f.done(t)
			if f.ups.Load() < 2 {
				t.Errorf("the connection was lost %d times only", f.downs.Load())
			}
		})
	}
}

// Cuts that come at once, in the handshake too.
func TestCutsWithoutPause(t *testing.T) {
	t.Parallel()
	f := start(t, "tls", quick, false)
	stop := make(chan struct{})
	cutting := make(chan struct{})
	go func() {
		defer close(cutting)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
				f.proxy.Cut()
			}
		}
	}()
	f.send(t, 20_000)
	eventually(t, "some cuts", func() bool { return f.proxy.Connections() > 20 })
	close(stop)
	<-cutting
	f.done(t)
}

// One direction, or both, fall silent: the link notices, and goes on when it can.
func TestStalls(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]faultproxy.Faults{
		"to server": {StallToServer: true},
		"to client": {StallToClient: true},
		"both":      {StallToServer: true, StallToClient: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, "tcp", quick, false)
			f.send(t, 1000)
			eventually(t, "messages arrive", func() bool { return f.back.next.Load() > 0 })
			f.proxy.Set(faults)
			f.send(t, 1000)
			eventually(t, "the silence is noticed", func() bool { return f.downs.Load() > 0 })
			f.send(t, 1000)
			f.proxy.Heal()
			f.done(t)
		})
	}
}

// The connection is dead and nobody has said so, while the peer can be reached
// in another way: the dialer finds out, and the server follows the new connection.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	f := start(t, "tcp", quick, true)
	f.send(t, 1000)
	eventually(t, "messages arrive", func() bool { return f.back.next.Load() > 0 })
	f.proxy.Set(faultproxy.Faults{Refuse: true, StallToServer: true, StallToClient: true})
	f.send(t, 1000)
	f.done(t)
	if f.ups.Load() < 2 {
		t.Error("everything arrived over a connection that was dead")
	}
}

// A handler that takes longer than the time of silence loses no connection: the
// process lives, and says so.
func TestSlowHandlerIsNotSilence(t *testing.T) {
	t.Parallel()
	limits := quick
	limits.Silence *= 2
	release := make(chan struct{})
	handled := make(chan struct{}, 1)
	s := serverOf(t, ServerOptions{Limits: limits, Handler: func(*Inbound, Message) {
		<-release
		handled <- struct{}{}
	}})
	var downs atomic.Int64
	l := linkTo(t, s.Addrs()[0], LinkOptions{Limits: limits, State: func(up bool, _ error) {
		if !up {
			downs.Add(1)
		}
	}})
	run(t, l.Run)
	if err := l.Send(1, []byte("x")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "up", func() bool { _, ok := l.Peer(); return ok })
	<-time.After(limits.Silence * 3 / 2) // the very thing that is tested: nothing happens for so long
	if n := downs.Load(); n != 0 {
		t.Errorf("the link was lost %d times", n)
	}
	close(release)
	<-handled
	flush(t, l)
}

// The receiver is another process now: the sender is told, and what it never heard of.
func TestPeerIsAnotherIncarnation(t *testing.T) {
	t.Parallel()
	addr := "unix:" + filepath.Join(t.TempDir(), "own", "s")
	ctx, cancel := context.WithCancel(t.Context())
	first, err := Listen(ServerOptions{Self: identity(2), Listen: []string{addr}, Limits: quick, Handler: func(*Inbound, Message) {}, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	// Whoever lives there is meant, until the link has come up once.
	l := linkTo(t, "", LinkOptions{Limits: quick, Peer: Peer{Place: "place 2", Addrs: []string{addr}}})
	result := make(chan error, 1)
	go func() { result <- l.Run(t.Context()) }()
	if err := l.Send(1, []byte("one")); err != nil {
		t.Fatal(err)
	}
	flush(t, l)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := l.Send(byte(i), []byte("lost")); err != nil {
			t.Fatal(err)
		}
	}
	other := func() Identity { return Identity{Topology: testTopology, Place: "place 2", Worker: 3, Epoch: 1} }
	serverOf(t, ServerOptions{Self: other, Listen: []string{addr}, Limits: quick, Handler: func(*Inbound, Message) { t.Error("a message for another") }})
	err = <-result
	var r *Refusal
	if !errors.As(err, &r) || r.Code != CodeWorker || r.From.Worker != 3 || !errors.Is(err, ErrRefused) || errors.Is(err, ErrStale) {
		t.Errorf("Run: %v", err)
	}
	var lost string
	for m := range l.Undelivered() {
		lost += fmt.Sprintf("%d %s, ", m.Type, m.Body)
	}
	if lost != "0 lost, 1 lost, 2 lost, " {
		t.Errorf("undelivered: %s", lost)
	}
}
