package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/embedded/jute"
	"github.com/polybolt/polybolt/coordinator/zk"
)

// memory returns options of a server without a folder.
func memory() Options {
	o := DefaultOptions()
	o.Address = "127.0.0.1:0"
	return o
}

func client(t testing.TB, s *Server) *zk.Store {
	t.Helper()
	o := zk.DefaultOptions()
	o.Servers = []string{s.Addr()}
	store, err := zk.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func TestSessionsOverTheWire(t *testing.T) {
	t.Parallel()
	s, _ := start(t, memory())
	c := dialRaw(t, s)
	timeout, id, password := c.connect(0, time.Hour, 0, nil)
	if timeout != 10*time.Minute || id <= 0 || len(password) != passwordSize {
		t.Fatalf("granted %v, session %d, password of %d bytes", timeout, id, len(password))
	}
	if code, _ := c.ask(opCreate, createBody("/e", nil, flagEphemeral)...); code != 0 {
		t.Fatal(code)
	}

	// A client that comes back takes its session over; the old connection ends.
	second := dialRaw(t, s)
	if _, got, pw := second.connect(0, 0, id, password); got != id || !bytes.Equal(pw, password) {
		t.Fatalf("resumed session %d", got)
	}
	c.hungUp("the old connection of a session")
	if code, _ := second.ask(opExists, pathBody("/e", false)...); code != 0 {
		t.Errorf("the ephemeral of a session that lives: %v", code)
	}

	// Nobody else does, and a client from another life of the server neither.
	for why, try := range map[string]struct {
		zxid     int64
		id       int64
		password []byte
	}{
		"wrong password": {0, id, make([]byte, passwordSize)},
		"no password":    {0, id, nil},
		"unknown":        {0, id + 1, password},
		"from the past":  {1 << 40, id, password},
	} {
		third := dialRaw(t, s)
		if _, got, _ := third.connect(try.zxid, time.Second, try.id, try.password); got != 0 {
			t.Errorf("%s: session %d", why, got)
		}
		third.hungUp(why)
	}

	if code, _ := second.ask(opClose); code != 0 {
		t.Error(code)
	}
	second.hungUp("after close")
	if _, err := client(t, s).Get(t.Context(), "/e"); !errors.Is(err, coordinator.ErrNoNode) {
		t.Errorf("the ephemeral of a closed session: %v", err)
	}
}

func TestSessionExpires(t *testing.T) {
	t.Parallel()
	s, _ := start(t, memory())
	c := dialRaw(t, s)
	if granted, _, _ := c.connect(0, time.Millisecond, 0, nil); granted != 100*time.Millisecond {
		t.Fatalf("granted %v", granted)
	}
	if code, _ := c.ask(opCreate, createBody("/e", nil, flagEphemeral)...); code != 0 {
		t.Fatal(code)
	}
	watcher := client(t, s)
	if err := watcher.Apply(t.Context(), coordinator.Create("/x", nil)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c.hungUp("a silent session")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("expired after %v", took)
	}
}

// A client that sends half a packet, or takes no answers, stalls nobody.
func TestStallingClientsStallNobody(t *testing.T) {
	t.Parallel()
	s, _ := start(t, memory())
	c := client(t, s)
	big := bytes.Repeat([]byte{7}, 1_000_000)
	must(t, c.Apply(t.Context(), coordinator.Create("/big", big)))

	half := dialRaw(t, s)
	half.connect(0, time.Minute, 0, nil)
	_, _ = half.Write(jute.AppendInt32(nil, 1000))
	silent := dialRaw(t, s) // not even a handshake
	deaf := dialRaw(t, s)
	deaf.connect(0, time.Minute, 0, nil)
	// It asks for hundreds of megabytes and reads nothing: at some point
	// nothing more is taken from it.
	must(t, deaf.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	one := requestPacket(1, opGetData, pathBody("/polybolt/big", false)...)
	many := bytes.Repeat(append(jute.AppendInt32(nil, int32(len(one))), one...), 1000)
	var err error
	for range 1000 {
		if _, err = deaf.Write(many); err != nil {
			break
		}
	}
	if !isTimeout(err) {
		t.Errorf("the server goes on taking requests of a client that reads no answers: %v", err)
	}
	begin := time.Now()
	for range 100 {
		must(t, c.Apply(t.Context(), coordinator.Set("/big", []byte("small"), coordinator.AnyVersion)))
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("100 changes beside stalling clients took %v", took)
	}
	_ = silent
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	o := memory()
	o.MaxConnections = 3
	s, _ := start(t, o)
	var clients []rawClient
	for range 3 {
		c := dialRaw(t, s)
		c.connect(0, time.Minute, 0, nil)
		clients = append(clients, c)
	}
	dialRaw(t, s).hungUp("one too many")
	clients[0].ask(opClose)
	clients[0].hungUp("closed")
	eventually(t, "a place is free", func() bool {
		c := dialRaw(t, s)
		c.send(connectPacket(0, time.Minute, 0, nil))
		_, ok := c.receive()
		return ok
	})
}

func TestTooManySessions(t *testing.T) {
	t.Parallel()
	o := memory()
	o.MaxConnections = 2
	s, _ := start(t, o)
	for range sessionsPerConnection * o.MaxConnections {
		eventually(t, "a session", func() bool {
			c := dialRaw(t, s)
			c.send(connectPacket(0, time.Minute, 0, nil))
			_, ok := c.receive()
			_ = c.Close()
			return ok
		})
	}
	eventually(t, "the last place is free", func() bool { return s.connections() == 0 })
	c := dialRaw(t, s)
	c.send(connectPacket(0, time.Minute, 0, nil))
	c.hungUp("one session too many")
}

func TestTooManyWatches(t *testing.T) {
	t.Parallel()
	o := memory()
	o.MaxWatchBytes = 10_000
	s, _ := start(t, o)
	c := dialRaw(t, s)
	c.connect(0, time.Minute, 0, nil)
	for i := range 1000 {
		c.send(requestPacket(1, opExists, pathBody(fmt.Sprintf("/n%d", i), true)...))
		if r, ok := c.receive(); !ok || r == nil {
			return
		}
	}
	t.Error("a client sets as many watches as it likes")
}

func TestFullTree(t *testing.T) {
	t.Parallel()
	o := memory()
	o.MaxBytes = 100_000
	s, _ := start(t, o)
	c := client(t, s)
	big := make([]byte, 60_000)
	must(t, c.Apply(t.Context(), coordinator.Create("/a", big)))
	for name, ops := range map[string][]coordinator.Op{
		"create": {coordinator.Create("/b", big)},
		"multi":  {coordinator.Create("/c", nil), coordinator.Create("/d", big)},
	} {
		if err := c.Apply(t.Context(), ops...); !errors.Is(err, coordinator.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, c.Apply(t.Context(), coordinator.Delete("/a", 0), coordinator.Create("/b", big)))
}

func TestWords(t *testing.T) {
	t.Parallel()
	s, _ := start(t, memory())
	for word, part := range map[string]string{"ruok": "imok", "srvr": "Mode: standalone"} {
		c := dialRaw(t, s)
		_, _ = io.WriteString(c, word)
		answer, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(answer), part) {
			t.Errorf("%s: %q, %v", word, answer, err)
		}
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	dir := socketFolder(t)
	o := DefaultOptions()
	o.Address = unixPrefix + filepath.Join(dir, "sock")

	// A socket that a crash has left is replaced.
	stale, err := net.Listen("unix", filepath.Join(dir, "sock"))
	must(t, err)
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, stale.Close())
	s, stop := start(t, o)
	if s.Addr() != o.Address {
		t.Errorf("address %s", s.Addr())
	}
	info, err := os.Stat(filepath.Join(dir, "sock"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v", info.Mode())
	}
	must(t, client(t, s).Apply(t.Context(), coordinator.Create("/x", nil)))

	// One that is in use is not.
	second, err := New(o)
	must(t, err)
	if err := second.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a second server on the same socket: %v", err)
	}
	must(t, client(t, s).Apply(t.Context(), coordinator.Create("/y", nil)))
	stop()
	if _, err := os.Stat(filepath.Join(dir, "sock")); !os.IsNotExist(err) {
		t.Errorf("the socket stays: %v", err)
	}
}

// A client goes on after the server was there in another life, whose memory
// was lost.
func TestRestartWithoutFolder(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	o.Address = unixPrefix + filepath.Join(socketFolder(t), "sock")
	s, stop := start(t, o)
	c := client(t, s)
	must(t, c.Apply(t.Context(), coordinator.Create("/x", nil)))
	stop()
	start(t, o)
	if _, err := c.Get(t.Context(), "/x"); !errors.Is(err, coordinator.ErrNoNode) {
		t.Errorf("memory survives: %v", err)
	}
	must(t, c.Apply(t.Context(), coordinator.Create("/x", nil)))
}

func TestStartStopStress(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	dir := socketFolder(t)
	o.Address, o.Dir = unixPrefix+filepath.Join(dir, "sock"), filepath.Join(dir, "data")
	for range 30 {
		s, err := New(o)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		select {
		case <-s.Ready():
			go func() {
				if conn, err := net.Dial("unix", filepath.Join(dir, "sock")); err == nil {
					_ = conn.Close()
				}
			}()
		case <-time.After(time.Millisecond):
		}
		cancel()
		must(t, <-ended)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
