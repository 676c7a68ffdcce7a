package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"
)

const testTopology = "wordcount.1"

func identity(worker uint64) func() Identity {
	id := Identity{Topology: testTopology, Place: fmt.Sprint("place ", worker), Worker: worker, Epoch: 1}
	return func() Identity { return id }
}

// serverOf runs a server with the worker number 2.
func serverOf(t testing.TB, o ServerOptions) *Server {
	t.Helper()
	if o.Self == nil {
		o.Self = identity(2)
	}
	if o.Listen == nil {
		o.Listen = []string{"127.0.0.1:0"}
	}
	if o.Log == nil {
		o.Log = testLog(t)
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s.Run)
	return s
}

// linkTo makes a link from worker 1 to worker 2.
func linkTo(t testing.TB, addr string, o LinkOptions) *Link {
	t.Helper()
	if o.Self == nil {
		o.Self = identity(1)
	}
	if o.Peer.Addrs == nil {
		o.Peer = Peer{Worker: 2, Addrs: []string{addr}}
	}
	if o.Log == nil {
		o.Log = testLog(t)
	}
	return NewLink(o)
}

func flush(t testing.TB, l *Link) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := l.Flush(ctx); err != nil {
		t.Fatal("flush: ", err)
	}
}

func TestMessagesGoBothWays(t *testing.T) {
	t.Parallel()
	const n = 10_000
	addrs := []string{"127.0.0.1:0", "unix:" + t.TempDir() + "/own/s"}
	var next uint64
	s := serverOf(t, ServerOptions{Listen: addrs, Handler: func(in *Inbound, m Message) {
		if got := binary.BigEndian.Uint64(m.Body); got != next || m.Type != 7 || m.Epoch != 1 {
			t.Errorf("message %+v, want %d", m, next)
		}
		next++
		if err := in.Reply(9, m.Body); err != nil {
			t.Error(err)
		}
	}})
	for _, addr := range s.Addrs() {
		next = 0
		var back uint64
		all := make(chan struct{})
		l := linkTo(t, addr, LinkOptions{Handler: func(m Message) {
			if got := binary.BigEndian.Uint64(m.Body); got != back || m.Type != 9 {
				t.Errorf("reply %+v, want %d", m, back)
			}
			if back++; back == n {
				close(all)
			}
		}})
		stop := run(t, l.Run)
		for i := range n {
			if err := l.Send(7, binary.BigEndian.AppendUint64(nil, uint64(i)), []byte("part"), nil); err != nil {
				t.Fatal(err)
			}
		}
		<-all
		flush(t, l)
		if err := stop(); err != context.Canceled {
			t.Errorf("Run: %v", err)
		}
		if err := l.Send(7); err != ErrEnded {
			t.Errorf("Send after the end: %v", err)
		}
	}
}

// Who ends a link has sent what it sent: a worker that ends in order has told
// its peers something last.
func TestWhatWasSentBeforeTheEndArrives(t *testing.T) {
	t.Parallel()
	const n = 20_000
	for name, addr := range map[string]string{"tcp": "127.0.0.1:0", "unix": "unix:" + t.TempDir() + "/own/s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := counter{t: t, name: name}
			ended := make(chan error, 1)
			s := serverOf(t, ServerOptions{Listen: []string{addr}, Handler: func(_ *Inbound, m Message) { got.take(m) }, Ended: func(_ *Inbound, err error) { ended <- err }})
			up := make(chan struct{}, 1)
			l := linkTo(t, s.Addrs()[0], LinkOptions{State: func(ok bool, _ error) {
				if ok {
					up <- struct{}{}
				}
			}})
			stop := run(t, l.Run)
			<-up
			for i := range uint64(n) {
				if err := l.Send(1, numbered(i)...); err != nil {
					t.Fatal(err)
				}
			}
			if err := stop(); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if err := <-ended; err != nil || got.next.Load() != n {
				t.Errorf("%d of %d came, and then %v", got.next.Load(), n, err)
			}
		})
	}
}
