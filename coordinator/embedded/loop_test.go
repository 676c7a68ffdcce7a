package embedded

import (
	"errors"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/embedded/jute"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

// testLoop returns a loop on a folder in memory, and a connection to it that
// nobody serves: what it is sent stays in its outbox.
func testLoop(t testing.TB) (*loop, *conn, *memoryFolder) {
	t.Helper()
	s, err := New(memory())
	if err != nil {
		t.Fatal(err)
	}
	folder := newMemoryFolder()
	j, state, err := recoverJournal(folder, testLimit)
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(s, state, j)
	t.Cleanup(func() { l.expiry.Stop() })
	c := newConn(1, nil)
	l.handle(input{conn: c, connect: &connectRequest{timeout: time.Second}}, time.Now())
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	c.out.take(nil)
	return l, c, folder
}

func createRequest(path string) *request {
	return &request{xid: 1, op: opCreate, ops: []tree.Op{{
		Path: path, ACL: []tree.ACL{{Rights: 31, Scheme: "world", ID: "anyone"}},
	}}}
}

// Nobody hears of a change before it is safe: not who made it, not who reads
// it, not who watches.
func TestNothingIsToldBeforeItIsSafe(t *testing.T) {
	t.Parallel()
	l, c, folder := testLoop(t)
	reader := newConn(2, nil)
	l.handle(input{conn: reader, connect: &connectRequest{timeout: time.Second}}, time.Now())
	must(t, l.flush())
	reader.out.take(nil)

	l.handle(input{conn: reader, request: &request{op: opExists, path: "/a", watch: true}}, time.Now())
	must(t, l.flush())
	reader.out.take(nil)
	l.handle(input{conn: c, request: createRequest("/a")}, time.Now())
	l.handle(input{conn: reader, request: &request{op: opGetData, path: "/a"}}, time.Now())
	told := func() bool {
		c.out.mu.Lock()
		defer c.out.mu.Unlock()
		return len(c.out.buf)+len(reader.out.buf) > 0
	}
	if told() {
		t.Error("told before the journal was written")
	}
	folder.budget = 1 // the write works, the sync does not
	if err := l.flush(); !errors.Is(err, errPower) {
		t.Fatalf("flush: %v", err)
	}
	if told() {
		t.Error("told although the journal failed")
	}
}

// After the loop could hear nobody for a while, nobody has expired.
func TestStallSparesSessions(t *testing.T) {
	t.Parallel()
	l, c, _ := testLoop(t)
	session := c.caller.Session
	l.expire(l.due.Add(time.Hour))
	if !l.tree.HasSession(session) {
		t.Error("a session expired while the server stood still")
	}
	l.expire(l.due.Add(10 * time.Millisecond))
	if l.tree.HasSession(session) {
		t.Error("a session does not expire")
	}
	if !c.closed {
		t.Error("the connection of an expired session lives")
	}
	must(t, l.flush())
}

// After a pause that is too short to count as a stall, what clients sent
// meanwhile is still on its way to the loop: nobody expires before it is there.
func TestShortPauseSparesSessions(t *testing.T) {
	t.Parallel()
	l, c, _ := testLoop(t)
	session, now := c.caller.Session, l.due.Add(stallLimit/2)
	l.expire(now)
	if !l.tree.HasSession(session) {
		t.Fatal("a session expired before anybody could be heard")
	}
	l.handle(input{conn: c, request: &request{xid: -2, op: opPing}}, now.Add(stallLimit/2))
	l.expire(l.due.Add(time.Millisecond))
	if !l.tree.HasSession(session) {
		t.Error("a session expired that was heard after the pause")
	}
	l.expire(l.due.Add(stallLimit / 2))
	l.expire(l.due.Add(stallLimit / 2)) // and if it is late again
	if l.tree.HasSession(session) {
		t.Error("a session does not expire")
	}
	must(t, l.flush())
}

// A sign of life that waits in the queue counts before sessions expire.
func TestQueuedSignsOfLifeCount(t *testing.T) {
	t.Parallel()
	l, c, _ := testLoop(t)
	l.inputs <- input{conn: c, request: &request{xid: -2, op: opPing}}
	l.expire(l.due.Add(10 * time.Millisecond))
	if !l.tree.HasSession(c.caller.Session) {
		t.Error("expired with a ping in the queue")
	}
}

func FuzzRequests(f *testing.F) {
	for _, packet := range [][]byte{
		requestPacket(1, opPing), requestPacket(1, opClose), requestPacket(1, opSync, pathBody("/", false)[:5]...),
		requestPacket(1, opExists, pathBody("/a", true)...), requestPacket(1, opGetData, pathBody("/a", true)...),
		requestPacket(1, opGetChildren, pathBody("/", true)...), requestPacket(1, opGetChildren2, pathBody("/", true)...),
		requestPacket(1, opCreate, createBody("/a", []byte("x"), 0)...), requestPacket(1, opCreate, createBody("/a", nil, 1)...),
		requestPacket(1, opSetData, jute.AppendInt32(jute.AppendBytes(jute.AppendString(nil, "/a"), nil), -1)...),
		requestPacket(1, opDelete, jute.AppendInt32(jute.AppendString(nil, "/a"), -1)...),
		requestPacket(1, opMulti, append(append([]byte{0, 0, 0, 1, 0, 255, 255, 255, 255}, createBody("/m", nil, 0)...),
			255, 255, 255, 255, 1, 255, 255, 255, 255)...),
		requestPacket(1, opSetAuth, append([]byte{0, 0, 0, 0, 0, 0, 0, 6}, "digest\x00\x00\x00\x03u:p"...)...),
		requestPacket(1, opSetWatches, append(make([]byte, 8), 0, 0, 0, 1, 0, 0, 0, 2, '/', 'a', 0, 0, 0, 0, 0, 0, 0, 0)...),
	} {
		f.Add(packet, requestPacket(2, opGetChildren2, pathBody("/", true)...))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if len(first)+len(second) > maxPacket {
			return
		}
		_, _ = parseConnect(first) // must not panic
		l, c, folder := testLoop(t)
		for _, packet := range [][]byte{first, second, first} {
			q, err := parseRequest(packet)
			if err != nil {
				return
			}
			l.handle(input{conn: c, request: &q}, time.Now())
		}
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		// Whatever it did, the journal tells the same.
		folder.now, folder.synced = folder.synced, nil
		_, again, err := recoverJournal(folder, testLimit)
		if err != nil {
			t.Fatal(err)
		}
		if state(again) != state(l.tree) {
			t.Errorf("recovered %q, was %q", state(again), state(l.tree))
		}
	})
}
