package zk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// wire is a connection that listens to what the library says on it, because
// the library does not tell: what the server granted, and when an answered
// request was sent. It also mends two habits of the library: it would wait for
// the handshake ten times the receive timeout, and then for ever; and after a
// reconnect it renews its watches as of the last transaction it has heard of,
// which the first answers on the new connection may already have changed. So
// requests are held back until the watches are on their way.
//
// The library writes every packet with one Write, and reads on one goroutine.
type wire struct {
	// fixed at construction
	net.Conn
	server    string
	handshake time.Time                        // when it must be over
	heard     func(zxid int64, sent time.Time) // called for every answer
	released  chan struct{}                    // closed when nothing is held back (any more)

	// Owned by the goroutine that connects, until established.
	connectSent time.Time
	first       []byte // the connect response with its length, as far as it is read
	granted     granted
	failure     error // what went wrong in the handshake

	replies headers // owned by the reading goroutine

	writing sync.Mutex
	holding bool     // guarded by writing
	held    [][]byte // guarded by writing: packets

	mu          sync.Mutex
	established bool                // guarded by mu
	sent        map[int32]time.Time // guarded by mu: by xid
	pings       []time.Time         // guarded by mu: pings share an xid, their answers come in order
}

func newWire(conn net.Conn, server string, handshake time.Time, heard func(int64, time.Time)) *wire {
	return &wire{
		Conn: conn, server: server, handshake: handshake, heard: heard,
		released: make(chan struct{}), sent: map[int32]time.Time{},
	}
}

// SetReadDeadline implements [net.Conn]. Until the session is established no
// deadline is later than the handshake's.
func (w *wire) SetReadDeadline(t time.Time) error { return w.Conn.SetReadDeadline(w.bound(t)) }

// SetWriteDeadline implements [net.Conn], like SetReadDeadline.
func (w *wire) SetWriteDeadline(t time.Time) error { return w.Conn.SetWriteDeadline(w.bound(t)) }

func (w *wire) bound(t time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.established && (t.IsZero() || t.After(w.handshake)) {
		return w.handshake
	}
	return t
}

// Write implements [net.Conn] and notes when a request leaves.
func (w *wire) Write(p []byte) (int, error) {
	if !w.isEstablished() {
		w.connectSent = time.Now()
		return w.Conn.Write(p)
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	xid, opcode := parseRequest(p)
	if w.holding && xid >= 0 && opcode != opSetWatches && opcode != opClose {
		w.held = append(w.held, bytes.Clone(p))
		return len(p), nil
	}
	n, err := w.send(p)
	if err == nil && opcode == opSetWatches {
		err = w.sendHeld()
	}
	return n, err
}

// send writes a packet. The caller holds w.writing.
func (w *wire) send(p []byte) (int, error) {
	xid, _ := parseRequest(p)
	w.mu.Lock()
	now := time.Now() // before the write: the server cannot hear us earlier
	if xid == xidPing {
		w.pings = append(w.pings, now)
	} else {
		w.sent[xid] = now
	}
	w.mu.Unlock()
	return w.Conn.Write(p)
}

// sendHeld writes what was held back. The caller holds w.writing.
func (w *wire) sendHeld() error {
	if !w.holding {
		return nil
	}
	w.holding = false
	close(w.released)
	for _, p := range w.held {
		if _, err := w.send(p); err != nil {
			return err
		}
	}
	w.held = nil
	return nil
}

// release ends the holding back of requests when the library turns out to have
// no watches to renew.
func (w *wire) release() {
	w.writing.Lock()
	defer w.writing.Unlock()
	if err := w.sendHeld(); err != nil {
		_ = w.Close() // the library notices, and those who wait for an answer learn it
	}
}

// Read implements [net.Conn] and notes what is answered.
func (w *wire) Read(p []byte) (int, error) {
	established := w.isEstablished()
	n, err := w.Conn.Read(p)
	if established {
		w.replies.feed(p[:n], w.answered)
		return n, err
	}
	if wrong := w.readFirst(p[:n]); wrong != nil {
		n, err = 0, wrong // with all its bytes the library would overlook the error
	}
	switch {
	case errors.Is(err, io.EOF):
		w.failure = errors.New("the server ended the handshake: it may have no quorum yet, or be behind what we have seen")
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.failure = errors.New("the server accepted the connection but did not answer in time")
	case err != nil:
		w.failure = err
	}
	return n, err
}

// readFirst checks the connect response before the library sees it. The
// library would allocate whatever length it finds there, which is 1.2 GB when
// an HTTP server answers.
func (w *wire) readFirst(p []byte) error {
	w.first = append(w.first, p...)
	if len(w.first) < 4 {
		return nil
	}
	size := int64(binary.BigEndian.Uint32(w.first))
	if size < connectResponseMin || size > connectResponseMax {
		return errNotZooKeeper
	}
	if int64(len(w.first)) < 4+size {
		return nil
	}
	var err error
	w.granted, err = parseGranted(w.first[4:])
	return err
}

func (w *wire) answered(r reply) {
	w.mu.Lock()
	var sent time.Time
	if r.xid == xidPing {
		if len(w.pings) > 0 {
			sent, w.pings = w.pings[0], w.pings[1:]
		}
	} else {
		sent = w.sent[r.xid]
		delete(w.sent, r.xid)
	}
	w.mu.Unlock()
	w.heard(r.zxid, sent)
}

// finish proves credentials, one after the other, between the library's
// handshake and its first request, when nothing else is on the wire, and ends
// the handshake: from now on the library's deadlines hold. Its own AddAuth
// would block for ever when the connection breaks while it sends them again.
// With hold, requests are held back until the library renews its watches.
func (w *wire) finish(credentials []coordinator.Credential, hold bool) error {
	if err := w.SetDeadline(w.handshake); err != nil {
		return err
	}
	for _, c := range credentials {
		sent := time.Now()
		if _, err := w.Conn.Write(appendAuth(nil, c)); err != nil {
			return fmt.Errorf("authenticate as %s: %w", c.User, err)
		}
		var header [4 + replyHeaderSize]byte
		if _, err := io.ReadFull(w.Conn, header[:]); err != nil {
			return fmt.Errorf("authenticate as %s: %w", c.User, err)
		}
		r := parseReply(header[4:])
		if size := binary.BigEndian.Uint32(header[:]); size != replyHeaderSize || r.xid != xidAuth || r.code != 0 {
			return fmt.Errorf("authenticate as %s: server refuses it with error %d", c.User, r.code)
		}
		w.heard(r.zxid, sent)
	}
	if hold {
		w.holding = true
	} else {
		close(w.released)
	}
	w.mu.Lock()
	w.established = true
	w.mu.Unlock()
	return w.SetDeadline(time.Time{})
}

func (w *wire) isEstablished() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.established
}
