package embedded

import (
	"io"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/embedded/jute"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

// handshaken returns a client with a session.
func handshaken(t *testing.T, s *Server) rawClient {
	t.Helper()
	c := dialRaw(t, s)
	c.connect(0, time.Minute, 0, nil)
	return c
}

// A client that breaks the protocol loses its connection, and nobody else
// anything.
func TestBreachesEndTheConnectionOnly(t *testing.T) {
	t.Parallel()
	s, _ := start(t, memory())
	witness := client(t, s)
	must(t, witness.Apply(t.Context(), coordinator.Create("/x", nil)))

	// In place of a handshake.
	for why, bytes := range map[string]string{
		"HTTP":                           "GET / HTTP/1.1\r\n\r\n",
		"a short handshake":              "\x00\x00\x00\x03abc",
		"a handshake of negative length": "\xff\xff\xff\xff",
	} {
		c := dialRaw(t, s)
		_, _ = io.WriteString(c, bytes)
		c.hungUp(why)
	}
	// After it.
	for why, bytes := range map[string][]byte{
		"a packet that is too long": jute.AppendInt32(nil, maxPacket+1),
		"a negative length":         jute.AppendInt32(nil, -1),
		"an empty packet":           packed(nil),
		"a truncated body":          packed(requestPacket(1, opGetData, 0, 0, 0, 9, '/')),
		"too much body":             packed(requestPacket(1, opGetData, append(pathBody("/x", false), 0)...)),
		"a huge count":              packed(requestPacket(1, opSetWatches, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff)),
		"a multi of a multi":        packed(requestPacket(1, opMulti, 0, 0, 0, byte(opMulti), 0, 0, 0, 0, 0)),
		"a wrong proof": packed(requestPacket(1, opSetAuth,
			append([]byte{0, 0, 0, 0, 0, 0, 0, 2, 'i', 'p'}, 0, 0, 0, 1, 'x')...)),
	} {
		c := handshaken(t, s)
		_, _ = c.Write(bytes)
		c.hungUp(why)
	}
	if _, err := witness.Get(t.Context(), "/x"); err != nil {
		t.Errorf("another client: %v", err)
	}
}

func packed(packet []byte) []byte {
	return append(jute.AppendInt32(nil, int32(len(packet))), packet...)
}

// What is merely unknown is answered, and the connection goes on.
func TestUnknownRequests(t *testing.T) {
	t.Parallel()
	s, _ := start(t, memory())
	c := handshaken(t, s)
	for _, op := range []opcode{0, 6, 7, 15, 16, 19, 21, 102, 103, 9999} {
		if code, _ := c.ask(op, 1, 2, 3); code != tree.Unimplemented {
			t.Errorf("op %d: %v", op, code)
		}
	}
	if code, _ := c.ask(opCreate, createBody("/seq", nil, 2)...); code != tree.Unimplemented {
		t.Errorf("a sequential node: %v", code)
	}
	if code, _ := c.ask(opExists, pathBody("/", false)...); code != 0 {
		t.Error(code)
	}
}
