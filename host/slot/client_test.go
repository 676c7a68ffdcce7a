package slot

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A question whose time is over just as it is asked is given up, too.
func TestAskInTheLastMoment(t *testing.T) {
	t.Parallel()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, conn) // and never says a word
			conn.Close()
		}
	}()
	conn, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	asked := make(chan error, 1)
	for i := range 20_000 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if i%2 == 0 {
			<-ctx.Done()
		}
		go func() {
			_, err := (&Peer{w: newWire(conn)}).ask(ctx, askWho)
			asked <- err
		}()
		select {
		case err := <-asked:
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("it still waits for the answer to question %d", i)
		}
	}
}
