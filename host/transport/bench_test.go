package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// kinds are the connections to measure over.
var kinds = []string{"tcp", "unix", "tls"}

// pair returns a link of a kind and runs it, against a server with the handler.
func pair(b *testing.B, kind string, handler func(*Inbound, Message), o LinkOptions) *Link {
	b.Helper()
	so := ServerOptions{Handler: handler}
	switch kind {
	case "unix":
		so.Listen = []string{"unix:" + filepath.Join(b.TempDir(), "own", "s")}
	case "tls":
		so.TLS, o.TLS = benchConfig(b, 2), benchConfig(b, 1)
	}
	s := serverOf(b, so)
	l := linkTo(b, s.Addrs()[0], o)
	run(b, l.Run)
	return l
}

func benchConfig(b *testing.B, worker uint64) *tls.Config {
	b.Helper()
	ca, err := DeriveCA(make([]byte, 32), testTopology)
	if err != nil {
		b.Fatal(err)
	}
	return ca.Config(worker)
}

// BenchmarkThroughput moves messages one way with 4 MiB unacknowledged at most.
func BenchmarkThroughput(b *testing.B) {
	for _, kind := range kinds {
		for _, size := range []struct {
			name  string
			bytes int
		}{{"64B", 64}, {"4KiB", 4 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}} {
			b.Run(kind+"/"+size.name, func(b *testing.B) {
				const window = 4 << 20
				acked := make(chan struct{}, 1)
				l := pair(b, kind, func(*Inbound, Message) {}, LinkOptions{Acked: func() {
					select {
					case acked <- struct{}{}:
					default:
					}
				}})
				body := make([]byte, size.bytes)
				b.SetBytes(int64(size.bytes))
				b.ReportAllocs()
				for b.Loop() {
					if err := l.Send(1, body); err != nil {
						b.Fatal(err)
					}
					for n, _ := l.Unacked(); n > window; n, _ = l.Unacked() {
						<-acked
					}
				}
				flush(b, l)
			})
		}
	}
}

// BenchmarkRoundTrip sends a small message there and back: twice the latency of one way.
func BenchmarkRoundTrip(b *testing.B) {
	for _, kind := range kinds {
		b.Run(kind, func(b *testing.B) {
			back := make(chan struct{}, 1)
			l := pair(b, kind, func(in *Inbound, m Message) {
				if err := in.Reply(1, m.Body); err != nil {
					b.Error(err)
				}
			}, LinkOptions{Handler: func(Message) { back <- struct{}{} }})
			body := make([]byte, 100)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Send(1, body); err != nil {
					b.Fatal(err)
				}
				<-back
			}
		})
	}
}

// BenchmarkRaw is the same over a bare connection, for comparison: an echo of
// 100 bytes, and a stream of 64 KiB writes.
func BenchmarkRaw(b *testing.B) {
	for _, network := range []string{"tcp", "unix"} {
		b.Run(network+"/roundtrip", func(b *testing.B) {
			conn := rawPair(b, network, func(c net.Conn) {
				_, _ = io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, make([]byte, 4096))
			})
			body := make([]byte, 100)
			for b.Loop() {
				if _, err := conn.Write(body); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(conn, body); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(network+"/64KiB", func(b *testing.B) {
			conn := rawPair(b, network, func(c net.Conn) {
				buf := make([]byte, 256<<10)
				for {
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
			})
			body := make([]byte, 64<<10)
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := conn.Write(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func rawPair(b *testing.B, network string, serve func(net.Conn)) net.Conn {
	b.Helper()
	addr := "127.0.0.1:0"
	if strings.HasPrefix(network, "unix") {
		addr = filepath.Join(b.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		b.Fatal(err)
	}
	run(b, func(context.Context) error {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		defer c.Close()
		serve(c)
		return nil
	})
	conn, err := net.Dial(network, l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close(); l.Close() })
	return conn
}
