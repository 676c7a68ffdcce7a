package embedded

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/embedded/jute"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

// rawClient speaks the protocol byte by byte, so that it can break it.
type rawClient struct {
	t testing.TB
	net.Conn
}

func dialRaw(t testing.TB, s *Server) rawClient {
	t.Helper()
	network, address, err := splitAddress(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return rawClient{t, conn}
}

func (c rawClient) send(packet []byte) {
	c.t.Helper()
	if _, err := c.Write(packed(packet)); err != nil {
		c.t.Fatal(err)
	}
}

// receive returns the next packet, or false when the server has hung up.
func (c rawClient) receive() (*jute.Reader, bool) {
	var length [4]byte
	if _, err := io.ReadFull(c.Conn, length[:]); err != nil {
		return nil, false
	}
	packet := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(c.Conn, packet)
	return jute.NewReader(packet), err == nil
}

func connectPacket(zxid int64, timeout time.Duration, session int64, password []byte) []byte {
	b := jute.AppendInt32(nil, 0)
	b = jute.AppendInt64(b, zxid)
	b = jute.AppendInt32(b, int32(timeout.Milliseconds()))
	b = jute.AppendInt64(b, session)
	return jute.AppendBytes(b, password)
}

// connect makes a handshake and returns what was granted.
func (c rawClient) connect(zxid int64, timeout time.Duration, session int64, password []byte) (time.Duration, int64, []byte) {
	c.t.Helper()
	c.send(connectPacket(zxid, timeout, session, password))
	r, ok := c.receive()
	if !ok {
		c.t.Fatal("no answer to the handshake")
	}
	r.Int32()
	granted, id, pw := r.Int32(), r.Int64(), r.Bytes()
	if r.Bool() || r.Err() != nil || r.Len() != 0 {
		c.t.Fatalf("a strange answer to the handshake: %v", r.Err())
	}
	return time.Duration(granted) * time.Millisecond, id, pw
}

func requestPacket(xid int32, op opcode, body ...byte) []byte {
	return append(jute.AppendInt32(jute.AppendInt32(nil, xid), int32(op)), body...)
}

// ask sends a request and returns its answer's code and body.
func (c rawClient) ask(op opcode, body ...byte) (tree.Code, *jute.Reader) {
	c.t.Helper()
	c.send(requestPacket(5, op, body...))
	for {
		r, ok := c.receive()
		if !ok {
			c.t.Fatal("no answer")
		}
		xid, _, code := r.Int32(), r.Int64(), tree.Code(r.Int32())
		if xid == 5 {
			return code, r
		}
	}
}

// hungUp waits until the server has closed the connection.
func (c rawClient) hungUp(why string) {
	c.t.Helper()
	for {
		if _, ok := c.receive(); !ok {
			break
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		c.t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || isTimeout(err) {
		c.t.Errorf("%s: the connection lives: %v", why, err)
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

func pathBody(path string, watch bool) []byte {
	return jute.AppendBool(jute.AppendString(nil, path), watch)
}

func createBody(path string, data []byte, flags int32) []byte {
	b := jute.AppendBytes(jute.AppendString(nil, path), data)
	b = jute.AppendInt32(b, 1)
	b = jute.AppendInt32(b, 31)
	b = jute.AppendString(jute.AppendString(b, "world"), "anyone")
	return jute.AppendInt32(b, flags)
}
