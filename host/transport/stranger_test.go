package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines collects the messages of a log.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, strings.ReplaceAll(string(b), `\`, "")) // of quoted quotes
	return len(b), nil
}

// with returns those that contain a text.
func (l *lines) with(text string) (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, text) {
			list = append(list, line)
		}
	}
	return list
}

// guarded runs a server that no message may reach, and its log.
func guarded(t testing.TB, o ServerOptions) (*Server, *lines) {
	t.Helper()
	log := &lines{}
	o.Handler = func(in *Inbound, m Message) { t.Errorf("a message from %s", in.From()) }
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	return serverOf(t, o), log
}

// hangsUp checks that the far side ends a connection, and returns what it said before.
func hangsUp(t testing.TB, conn net.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("it is not hung up on")
	}
	return string(said)
}

func dialRaw(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// What is no link of ours is hung up on, gets no answer that could be of use to
// it, and is logged once for all.
func TestStrangers(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 4<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	noise[0] = 0 // the magic's first byte is another
	for _, secured := range []bool{false, true} {
		o := ServerOptions{}
		if secured {
			o.TLS = testCA(t, 1, testTopology).Config(2)
		}
		s, log := guarded(t, o)
		for _, say := range []string{
			"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
			"stat\n",
			string(noise),
		} {
			conn := dialRaw(t, s.Addrs()[0])
			if _, err := conn.Write([]byte(say)); err != nil {
				t.Fatal(err)
			}
			said := hangsUp(t, conn)
			// A TLS alert, or the words for those who speak HTTP to it, is all there may be.
			if !secured && said != "" || len(said) > 100 || strings.Contains(said, testTopology) {
				t.Errorf("TLS %v: %.20q is told %q", secured, say, said)
			}
		}
		if refused := log.with("link refused"); len(refused) != 1 {
			t.Errorf("TLS %v: logged %d times: %q", secured, len(refused), refused)
		}
	}
}

// A connection that says nothing, or not enough, is hung up on after a while.
func TestSlowGreeting(t *testing.T) {
	t.Parallel()
	s, _ := guarded(t, ServerOptions{Limits: Limits{Handshake: 200 * time.Millisecond}})
	for _, say := range []string{"", magic[:3], string(fullHello.encode()[:20])} {
		conn := dialRaw(t, s.Addrs()[0])
		if _, err := conn.Write([]byte(say)); err != nil {
			t.Fatal(err)
		}
		hangsUp(t, conn)
	}
}

// Connections that say nothing are bounded, and keep nobody out.
func TestTooManyGreetings(t *testing.T) {
	t.Parallel()
	s := serverOf(t, ServerOptions{Limits: Limits{Handshake: time.Hour}, Handler: func(*Inbound, Message) {}})
	first := dialRaw(t, s.Addrs()[0])
	for range maxGreetings + 10 {
		dialRaw(t, s.Addrs()[0])
	}
	hangsUp(t, first)
	l := linkTo(t, s.Addrs()[0], LinkOptions{})
	run(t, l.Run)
	if err := l.Send(1, []byte("all the same")); err != nil {
		t.Fatal(err)
	}
	flush(t, l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.greeting) > maxGreetings {
		t.Errorf("%d connections in their handshake", len(s.greeting))
	}
}

// Who says hello and then no frames is refused with words, and costs little before.
func TestNoiseAfterHello(t *testing.T) {
	t.Parallel()
	s, _ := guarded(t, ServerOptions{})
	h := fullHello
	h.from, h.first, h.next, h.wantID, h.wantPlace = identity(1)(), 1, 1, 2, ""
	for name, frames := range map[string]string{
		"noise":   strings.Repeat("noise", 100),
		"huge":    "\xff\xff\xff\xff" + strings.Repeat("\x00", 4) + strings.Repeat("\x01", 24),
		"skipped": string(frameOf(1, 5, nil)),
		"ack":     string(frameOf(1, 0, nil)), // of a message that was never sent
	} {
		h.link++
		conn := dialRaw(t, s.Addrs()[0])
		if _, err := conn.Write(append(h.encode(), frames...)); err != nil {
			t.Fatal(err)
		}
		if said := hangsUp(t, conn); !strings.HasPrefix(said, magic) || len(said) < headerSize+4 {
			t.Errorf("%s: told %q", name, said)
		}
		eventually(t, name+": the link is forgotten", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.inbound) == 0
		})
	}
}

// Links that must not be, and what both sides say about it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	ca := testCA(t, 1, testTopology)
	of := func(topology string, worker uint64) func() Identity {
		return func() Identity { return Identity{Topology: topology, Place: "place 1", Worker: worker, Epoch: 1} }
	}
	for name, c := range map[string]struct {
		self   func() Identity
		peer   Peer
		tls    *tls.Config
		accept func(Identity, uint8) error
		code   Code
		want   string
	}{
		"topology": {self: of("other", 1), peer: Peer{Worker: 2}, code: CodeTopology, want: `this is a worker of "wordcount.1", not of "other"`},
		"worker":   {self: of(testTopology, 1), peer: Peer{Worker: 3}, code: CodeWorker, want: "this is worker 0000000000000002, not 0000000000000003, which has ended"},
		"place":    {self: of(testTopology, 1), peer: Peer{Place: "elsewhere"}, code: CodeWorker, want: `this is the worker at "place 2", not at "elsewhere"`},
		"epoch": {self: of(testTopology, 1), peer: Peer{Worker: 2}, code: CodeStale, want: "too old", accept: func(from Identity, _ uint8) error {
			return refusef(CodeStale, "epoch %d is too old", from.Epoch)
		}},
		"unwanted": {self: of(testTopology, 1), peer: Peer{Worker: 2}, code: CodeDenied, want: "go away", accept: func(Identity, uint8) error { return errors.New("go away") }},
		"owner":    {self: of(testTopology, 1), peer: Peer{Worker: 2}, tls: ca.Config(9), code: CodeDenied, want: "has a certificate for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := ServerOptions{Accept: c.accept}
			if c.tls != nil {
				o.TLS = ca.Config(2)
			}
			s, log := guarded(t, o)
			c.peer.Addrs = s.Addrs()
			l := linkTo(t, "", LinkOptions{Self: c.self, Peer: c.peer, TLS: c.tls})
			if err := l.Send(1, []byte("never")); err != nil {
				t.Fatal(err)
			}
			err := l.Run(t.Context())
			var r *Refusal
			if !errors.As(err, &r) || r.Code != c.code || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrStale) != (c.code == CodeStale) {
				t.Errorf("the dialer hears %v", err)
			}
			eventually(t, "the server logs it too", func() bool { return len(log.with("link refused")) == 1 && len(log.with(c.want)) == 1 })
		})
	}
}

// Keys that do not fit are no refusal: the peer may be about to get others. The
// dialer goes on trying, and says why.
func TestKeysThatDoNotFit(t *testing.T) {
	t.Parallel()
	right, wrong := testCA(t, 1, testTopology), testCA(t, 2, testTopology)
	for name, c := range map[string]struct{ server, client *tls.Config }{
		"dialer of another cluster":   {right.Config(2), wrong.Config(1)},
		"dialer of another topology":  {right.Config(2), testCA(t, 1, "other").Config(1)},
		"dialer without keys":         {right.Config(2), nil},
		"server without keys":         {nil, right.Config(1)},
		"server with another's":       {right.Config(9), right.Config(1)},
		"server with a lesser secret": {wrong.Config(2), right.Config(1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := guarded(t, ServerOptions{TLS: c.server, Limits: quick})
			tries := make(chan error, 1)
			l := linkTo(t, s.Addrs()[0], LinkOptions{TLS: c.client, Limits: quick, State: func(up bool, err error) {
				if up {
					t.Error("the link is up")
				}
				select {
				case tries <- err:
				default:
				}
			}})
			run(t, l.Run)
			for range 2 {
				select {
				case err := <-tries:
					if err == nil || errors.Is(err, ErrRefused) {
						t.Errorf("tried: %v", err)
					}
				case <-time.After(patience):
					t.Fatal("the dialer does not try")
				}
			}
		})
	}
}

// Links leave the machine only encrypted.
func TestPlainOnlyOnLoopback(t *testing.T) {
	t.Parallel()
	if _, err := Listen(ServerOptions{Self: identity(2), Listen: []string{"0.0.0.0:0"}, Log: testLog(t)}); !errors.Is(err, errPlain) {
		t.Errorf("in the clear for everybody: %v", err)
	}
	s, err := Listen(ServerOptions{Self: identity(2), Listen: []string{"0.0.0.0:0"}, TLS: testCA(t, 1, testTopology).Config(2), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s.Run)
}

// A folder that others may write to, or a file where the socket is to be, is not used.
func TestSocketIsOurs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open, own := filepath.Join(dir, "open"), filepath.Join(dir, "own")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o770), os.Mkdir(own, 0o700), os.WriteFile(filepath.Join(own, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(open, "s"):                        "not a folder of this user alone",
		filepath.Join(own, "file"):                      "no socket",
		filepath.Join(own, strings.Repeat("x", 1<<7)):   "bytes",
		filepath.Join(dir, "missing", "folders", "too"): "no such file",
	} {
		if _, err := Listen(ServerOptions{Self: identity(2), Listen: []string{"unix:" + path}, Log: testLog(t)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// Links and servers come and go while others talk; goleak sees that nothing is left.
func TestStartStop(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*3*time.Millisecond)
			defer cancel()
			s, err := Listen(ServerOptions{Self: identity(2), Listen: []string{"127.0.0.1:0"}, Handler: func(in *Inbound, m Message) { _ = in.Reply(1, m.Body) }, Log: testLog(t)})
			if err != nil {
				t.Error(err)
				return
			}
			var inner sync.WaitGroup
			defer inner.Wait()
			inner.Go(func() {
				if err := s.Run(ctx); err != nil {
					t.Error("server: ", err)
				}
			})
			for channel := range uint8(3) {
				l := linkTo(t, s.Addrs()[0], LinkOptions{Channel: channel})
				inner.Go(func() { _ = l.Run(ctx) }) // ends with ctx, or because the server did first
				inner.Go(func() {
					for l.Send(1, []byte("x")) == nil && ctx.Err() == nil {
						_ = l.Flush(ctx)
					}
				})
			}
		})
	}
	wg.Wait()
}
