package zk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// The parts of ZooKeeper's wire protocol that the library keeps to itself.
// Integers are big-endian; a packet is a 32-bit length and as many bytes.
const (
	xidPing = -2
	xidAuth = -4

	opClose      = -11
	opSetAuth    = 100
	opSetWatches = 101

	// A connect response: version, timeout, session id, a password of usually
	// 16 bytes with its length, and since 3.4 a flag.
	connectResponseMin = 4 + 4 + 8 + 4
	connectResponseMax = 256

	replyHeaderSize = 4 + 8 + 4 // xid, zxid, error
)

// granted is what a server says when a connection begins.
type granted struct {
	sessionID int64 // 0: the session has expired
	timeout   time.Duration
}

// parseGranted reads a connect response without its length. The library would
// panic later on a timeout of zero.
func parseGranted(body []byte) (granted, error) {
	if len(body) < connectResponseMin {
		return granted{}, io.ErrUnexpectedEOF
	}
	g := granted{
		timeout:   time.Duration(int32(binary.BigEndian.Uint32(body[4:]))) * time.Millisecond,
		sessionID: int64(binary.BigEndian.Uint64(body[8:])),
	}
	if g.sessionID != 0 && g.timeout <= 0 {
		return granted{}, fmt.Errorf("server granted a session timeout of %v", g.timeout)
	}
	return g, nil
}

// parseRequest returns the head of a request's packet.
func parseRequest(packet []byte) (xid, opcode int32) {
	if len(packet) < 12 {
		return 0, 0
	}
	return int32(binary.BigEndian.Uint32(packet[4:])), int32(binary.BigEndian.Uint32(packet[8:]))
}

// reply is the header of an answer.
type reply struct {
	xid  int32
	zxid int64
	code int32
}

func parseReply(header []byte) reply {
	return reply{
		xid:  int32(binary.BigEndian.Uint32(header)),
		zxid: int64(binary.BigEndian.Uint64(header[4:])),
		code: int32(binary.BigEndian.Uint32(header[12:])),
	}
}

// appendAuth appends a packet that proves a credential.
func appendAuth(b []byte, c coordinator.Credential) []byte {
	const scheme = "digest"
	secret := c.User + ":" + c.Secret
	b = binary.BigEndian.AppendUint32(b, uint32(4+4+4+4+len(scheme)+4+len(secret)))
	b = binary.BigEndian.AppendUint32(b, uint32(0xffffffff+xidAuth+1))
	b = binary.BigEndian.AppendUint32(b, opSetAuth)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(scheme)))
	b = append(b, scheme...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(secret)))
	return append(b, secret...)
}

var errNotZooKeeper = errors.New("does not answer like a ZooKeeper server: check host and port, and whether it wants TLS")

// headers finds the headers in a stream of replies that arrives in pieces.
// What is behind a header it skips.
type headers struct {
	head [4 + replyHeaderSize]byte
	have int // bytes of head
	skip int // bytes until the next packet
}

// feed takes the next piece and calls found for every header that is
// complete.
func (h *headers) feed(p []byte, found func(reply)) {
	for len(p) > 0 {
		if h.skip > 0 {
			n := min(h.skip, len(p))
			h.skip -= n
			p = p[n:]
			continue
		}
		n := copy(h.head[h.have:], p)
		h.have += n
		p = p[n:]
		if h.have < len(h.head) {
			return
		}
		h.have = 0
		// Every reply holds a header; a shorter one ends the connection in the
		// library, so what is skipped no longer matters.
		h.skip = max(0, int(binary.BigEndian.Uint32(h.head[:]))-replyHeaderSize)
		found(parseReply(h.head[4:]))
	}
}
