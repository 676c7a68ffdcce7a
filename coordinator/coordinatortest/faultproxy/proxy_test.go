package faultproxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo serves lines back and tells when a connection has ended.
func echo(t *testing.T) (addr string, ended chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{}, 16)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
				ended <- struct{}{}
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), ended
}

func dial(t *testing.T, p *Proxy) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReader(conn)
}

func say(t *testing.T, conn net.Conn, line string) {
	t.Helper()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, r *bufio.Reader, want string) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if line, err := r.ReadString('\n'); err != nil || line != want+"\n" {
		t.Fatalf("heard %q, %v; want %q", line, err, want)
	}
}

func TestStallHoldsBackAndDelivers(t *testing.T) {
	t.Parallel()
	addr, _ := echo(t)
	for _, faults := range []Faults{{StallToServer: true}, {StallToClient: true}} {
		p := Start(t, "tcp", addr)
		conn, r := dial(t, p)
		say(t, conn, "one")
		hear(t, conn, r, "one")
		p.Set(faults)
		say(t, conn, "two")
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if line, err := r.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%+v: heard %q, %v", faults, line, err)
		}
		p.Heal()
		hear(t, conn, r, "two")
	}
}

func TestStallHidesTheEnd(t *testing.T) {
	t.Parallel()
	addr, ended := echo(t)
	p := Start(t, "tcp", addr)
	conn, r := dial(t, p)
	say(t, conn, "one")
	hear(t, conn, r, "one")
	p.Set(Faults{StallToServer: true})
	_ = conn.Close()
	select {
	case <-ended:
		t.Error("the server learned of the end through a stalled link")
	case <-time.After(50 * time.Millisecond):
	}
	p.Heal()
	<-ended
}

func TestCutAndRefuse(t *testing.T) {
	t.Parallel()
	addr, ended := echo(t)
	p := Start(t, "tcp", addr)
	conn, r := dial(t, p)
	say(t, conn, "one")
	hear(t, conn, r, "one")
	p.Set(Faults{Refuse: true})
	say(t, conn, "two") // a link that exists goes on
	hear(t, conn, r, "two")
	p.Cut()
	if _, err := r.ReadByte(); err == nil {
		t.Error("a cut link delivers")
	}
	<-ended
	// A client may learn of it when it dials or when it reads.
	if refused, err := net.Dial("tcp", p.Addr()); err == nil {
		_ = refused.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := refused.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a refused link: %v", err)
		}
		_ = refused.Close()
	}
	p.Heal()
	again, r := dial(t, p)
	say(t, again, "three")
	hear(t, again, r, "three")
	if n := p.Connections(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

func TestFreezeSilencesWhatIsThere(t *testing.T) {
	t.Parallel()
	addr, ended := echo(t)
	p := Start(t, "tcp", addr)
	conn, r := dial(t, p)
	say(t, conn, "one")
	hear(t, conn, r, "one")
	p.Freeze()
	say(t, conn, "two")
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if line, err := r.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("heard %q, %v", line, err)
	}
	again, r2 := dial(t, p)
	say(t, again, "three")
	hear(t, again, r2, "three")
	p.Heal() // is for faults, and this is none
	say(t, again, "four")
	hear(t, again, r2, "four")
	select {
	case <-ended:
		t.Error("the server was told")
	default:
	}
	p.Cut()
	<-ended
	<-ended
}
