package embedded

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/polybolt/polybolt/coordinator/embedded/jute"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

const (
	// maxIdentities bounds what a client can prove to be.
	maxIdentities = 16

	// sessionsPerConnection bounds the sessions, most of which are those of
	// clients that went without a word and whose time is not over.
	sessionsPerConnection = 8
)

// words are the four-letter words that the server answers, as the tools of
// operators expect it.
var words = map[string]bool{"ruok": true, "srvr": true}

// handle takes one input from a connection.
func (l *loop) handle(in input, now time.Time) {
	c := in.conn
	switch {
	case c.closed:
		// Kicked out or ended: what it sent before it learned that is void.
	case in.word != "":
		l.stage(c, append(c.staged, l.answerWord(in.word)...))
		l.end(c)
	case in.connect != nil:
		l.connect(c, *in.connect, now)
	case in.request != nil:
		l.request(c, *in.request, now)
	default:
		l.end(c)
	}
}

func (l *loop) answerWord(word string) string {
	if word == "ruok" {
		return "imok"
	}
	return fmt.Sprintf("Zookeeper version: polybolt-embedded\nLatency min/avg/max: 0/0/0\nReceived: 0\nSent: 0\n"+
		"Connections: %d\nOutstanding: %d\nZxid: %#x\nMode: standalone\nNode count: %d\n",
		l.count(), len(l.inputs), l.tree.Zxid(), l.tree.Len())
}

// connect begins a session or lets a client go on with one.
func (l *loop) connect(c *conn, q connectRequest, now time.Time) {
	if q.session != 0 {
		timeout, ok := l.tree.Resume(now, q.session, q.password)
		// Who has seen more than there is comes from another life of this
		// server, in which its data was lost.
		if !ok || q.zxid > l.tree.Zxid() {
			l.stage(c, appendConnected(c.staged, 0, 0, nil))
			l.end(c)
			return
		}
		if old := l.sessions[q.session]; old != nil {
			// What it sent and we have not taken must not happen any more:
			// the client will ask, on the new connection, whether it has.
			_ = old.net.Close()
			l.end(old)
		}
		l.attach(c, q.session)
		l.stage(c, appendConnected(c.staged, timeout, q.session, q.password))
		return
	}
	if l.tree.Sessions() >= sessionsPerConnection*l.opts.MaxConnections {
		l.log.Warn("coordinator refuses a client: too many sessions", "sessions", l.tree.Sessions())
		l.end(c)
		return
	}
	timeout := min(max(q.timeout, l.opts.MinSessionTimeout), l.opts.MaxSessionTimeout)
	id, password := l.newSession()
	l.commit(l.tree.OpenSession(now, id, timeout, password))
	l.attach(c, id)
	if deadline := now.Add(timeout); l.tree.Sessions() == 1 || deadline.Before(l.due) {
		l.schedule()
	}
	l.stage(c, appendConnected(c.staged, timeout, id, password))
}

// newSession returns a fresh id and a password that nobody can guess.
func (l *loop) newSession() (int64, []byte) {
	random := make([]byte, 8+passwordSize)
	for {
		_, _ = rand.Read(random) // never fails
		id := int64(binary.BigEndian.Uint64(random) >> 1)
		if id != 0 && !l.tree.HasSession(id) {
			return id, random[8:]
		}
	}
}

func (l *loop) attach(c *conn, session int64) {
	c.caller.Session = session
	l.conns[c.id] = c
	l.sessions[session] = c
}

// request answers one request.
func (l *loop) request(c *conn, q request, now time.Time) {
	if !l.tree.Touch(now, c.caller.Session) {
		l.end(c) // before the handshake, or the session has just ended
		return
	}
	var body func([]byte) []byte
	var err error
	switch q.op {
	case opPing, opSync:
		if q.op == opSync {
			body = func(b []byte) []byte { return jute.AppendString(b, q.path) }
		}
	case opClose:
		l.closeSession(c.caller.Session, now)
	case opSetAuth:
		err = c.authenticate(q)
	case opSetWatches:
		l.renew(c, q)
	case opExists, opGetData, opGetChildren, opGetChildren2:
		body, err = l.look(c, q)
	case opCreate, opDelete, opSetData, opMulti:
		body, err = l.change(c, q, now)
	default:
		err = tree.Unimplemented
	}
	var code tree.Code
	if err != nil && !errors.As(err, &code) {
		panic(err) // the tree's errors are codes
	}
	l.stage(c, appendReply(c.staged, q.xid, l.tree.Zxid(), code, answer(body, code)))
	c.answered++
	if q.op == opClose || code == tree.AuthFailed {
		l.end(c)
	}
	if size := l.watches.Size(c.id); size > l.opts.MaxWatchBytes {
		l.log.Warn("coordinator ends a client: its watches take too much memory", "conn", c.id, "bytes", size)
		l.end(c)
	}
}

// answer drops the body of an answer that is an error.
func answer(body func([]byte) []byte, code tree.Code) func([]byte) []byte {
	if code != 0 {
		return nil
	}
	return body
}

func (c *conn) authenticate(q request) error {
	id, err := tree.Authenticate(q.scheme, q.proof)
	if err != nil || len(c.caller.Identities) >= maxIdentities {
		return tree.AuthFailed
	}
	c.caller.Identities = append(c.caller.Identities, id)
	return nil
}

// renew sets the watches of an earlier connection, and tells what they missed.
func (l *loop) renew(c *conn, q request) {
	for i, paths := range q.renewed {
		kind, missing := tree.WatchData, i == 1
		if i == 2 {
			kind = tree.WatchChildren
		}
		for _, path := range paths {
			e, missed := l.tree.Renew(kind, path, missing, q.since)
			switch {
			case !missed:
				l.watches.Add(c.id, kind, path)
			case c.caller.MayRead(e):
				l.stage(c, appendEvent(c.staged, e))
			}
		}
	}
}

// look answers a request that reads, and sets its watch.
func (l *loop) look(c *conn, q request) (body func([]byte) []byte, err error) {
	kind := tree.WatchData
	switch q.op {
	case opExists:
		var stat tree.Stat
		stat, err = l.tree.Exists(c.caller, q.path)
		body = func(b []byte) []byte { return appendStat(b, stat) }
		if err == tree.NoNode && q.watch {
			l.watches.Add(c.id, kind, q.path) // until it is made
		}
	case opGetData:
		var data []byte
		var stat tree.Stat
		data, stat, err = l.tree.Get(c.caller, q.path)
		body = func(b []byte) []byte { return appendStat(jute.AppendBytes(b, data), stat) }
	default:
		kind = tree.WatchChildren
		var names []string
		var stat tree.Stat
		names, stat, err = l.tree.Children(c.caller, q.path)
		body = func(b []byte) []byte {
			if b = appendNames(b, names); q.op == opGetChildren2 {
				b = appendStat(b, stat)
			}
			return b
		}
	}
	if err == nil && q.watch {
		l.watches.Add(c.id, kind, q.path)
	}
	return body, err
}

// change makes a change. A multi that fails is no error of the request: the
// answer holds a code for each op.
func (l *loop) change(c *conn, q request, now time.Time) (body func([]byte) []byte, err error) {
	out, failed := l.tree.Commit(c.caller, now, q.ops)
	if failed == nil {
		l.commit(out)
	}
	if q.op == opMulti {
		return func(b []byte) []byte { return appendMulti(b, q, out.Stats, failed) }, nil
	}
	if failed != nil {
		return nil, failed.Code
	}
	return func(b []byte) []byte { return appendResult(b, q.op, q.ops[0].Path, out.Stats[0]) }, nil
}
