package embedded

import (
	"encoding/binary"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/embedded/jute"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

// opcode says what a request asks for, with ZooKeeper's numbers.
type opcode int32

const (
	opCreate       opcode = 1
	opDelete       opcode = 2
	opExists       opcode = 3
	opGetData      opcode = 4
	opSetData      opcode = 5
	opGetChildren  opcode = 8
	opSync         opcode = 9
	opPing         opcode = 11
	opGetChildren2 opcode = 12
	opCheck        opcode = 13
	opMulti        opcode = 14
	opSetAuth      opcode = 100
	opSetWatches   opcode = 101
	opClose        opcode = -11
	opError        opcode = -1 // in the answer to a multi
)

const (
	// maxPacket is the longest packet a client may send, ZooKeeper's
	// jute.maxbuffer.
	maxPacket = coordinator.MaxPacket

	xidEvent       = -1
	passwordSize   = 16
	stateConnected = 3 // in an event: ZooKeeper's SyncConnected

	// The least bytes of a multi's op, and of a string, which bound what a
	// count may allocate.
	minString = 4
	minACL    = 4 + 4 + 4

	flagEphemeral = 1
)

// connectRequest is a client's first message.
type connectRequest struct {
	zxid     int64 // the last transaction that the client has seen
	timeout  time.Duration
	session  int64 // to resume, 0 for a new one
	password []byte
}

func parseConnect(packet []byte) (connectRequest, error) {
	r := jute.NewReader(packet)
	r.Int32() // the protocol's version, always 0
	q := connectRequest{
		zxid:     r.Int64(),
		timeout:  time.Duration(r.Int32()) * time.Millisecond,
		session:  r.Int64(),
		password: r.Bytes(),
	}
	// Newer clients say behind it whether a read-only server is good enough.
	return q, r.Err()
}

// appendConnected appends the answer to a connectRequest; session 0 says that
// the session has expired.
func appendConnected(b []byte, timeout time.Duration, session int64, password []byte) []byte {
	if password == nil {
		password = make([]byte, passwordSize)
	}
	return appendPacket(b, func(b []byte) []byte {
		b = jute.AppendInt32(b, 0)
		b = jute.AppendInt32(b, int32(timeout.Milliseconds()))
		b = jute.AppendInt64(b, session)
		b = jute.AppendBytes(b, password)
		return jute.AppendBool(b, false) // not read-only
	})
}

// request is any other message. Which fields count depends on op.
type request struct {
	xid     int32
	op      opcode
	path    string
	watch   bool
	ops     []tree.Op   // of a change; the kinds in multi tell how to answer
	multi   []opcode    // of a multi, for each of ops
	scheme  string      // of setAuth
	proof   []byte      // of setAuth
	renewed [3][]string // of setWatches: on data, on missing nodes, on children
	since   int64       // of setWatches
}

func parseRequest(packet []byte) (request, error) {
	r := jute.NewReader(packet)
	q := request{xid: r.Int32(), op: opcode(r.Int32())}
	switch q.op {
	case opPing, opClose:
	case opCreate, opDelete, opSetData:
		q.ops = []tree.Op{readOp(r, q.op)}
	case opExists, opGetData, opGetChildren, opGetChildren2:
		q.path, q.watch = r.Text(), r.Bool()
	case opSync:
		q.path = r.Text()
	case opMulti:
		readMulti(r, &q)
	case opSetAuth:
		r.Int32() // a type that nobody uses
		q.scheme, q.proof = r.Text(), r.Bytes()
	case opSetWatches:
		q.since = r.Int64()
		for i := range q.renewed {
			q.renewed[i] = make([]string, r.Count(minString))
			for k := range q.renewed[i] {
				q.renewed[i][k] = r.Text()
			}
		}
	default:
		return q, r.Err() // to be answered with Unimplemented, whatever it holds
	}
	if r.Err() == nil && r.Len() > 0 {
		r.Fail("%d bytes too many", r.Len())
	}
	return q, r.Err()
}

// readOp reads the body of a change.
func readOp(r *jute.Reader, op opcode) tree.Op {
	o := tree.Op{Path: r.Text()}
	switch op {
	case opCreate:
		o.Data = r.Bytes()
		o.ACL = make([]tree.ACL, r.Count(minACL))
		for i := range o.ACL {
			o.ACL[i] = tree.ACL{Rights: coordinator.Rights(r.Int32()) & coordinator.All, Scheme: r.Text(), ID: r.Text()}
		}
		switch flags := r.Int32(); flags {
		case 0:
			o.Kind = coordinator.OpCreate
		case flagEphemeral:
			o.Kind = coordinator.OpCreateEphemeral
		default:
			o.Kind = kindUnknown // sequences, containers and the like
		}
	case opDelete:
		o.Kind, o.Version = coordinator.OpDelete, r.Int32()
	case opSetData:
		o.Kind, o.Data, o.Version = coordinator.OpSet, r.Bytes(), r.Int32()
	case opCheck:
		o.Kind, o.Version = coordinator.OpCheck, r.Int32()
	}
	return o
}

// kindUnknown is refused by the tree.
const kindUnknown coordinator.OpKind = 255

// readMulti reads ops, each behind a header of type, done and an error.
func readMulti(r *jute.Reader, q *request) {
	for {
		op, done := opcode(r.Int32()), r.Bool()
		r.Int32()
		if r.Err() != nil || done {
			return
		}
		switch op {
		case opCreate, opDelete, opSetData, opCheck:
		default:
			r.Fail("a multi holds op %d", op)
			return
		}
		q.multi = append(q.multi, op)
		q.ops = append(q.ops, readOp(r, op))
	}
}

// appendPacket appends what body appends, behind its length.
func appendPacket(b []byte, body func([]byte) []byte) []byte {
	at := len(b)
	b = body(jute.AppendInt32(b, 0))
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// appendReply appends an answer; body may be nil.
func appendReply(b []byte, xid int32, zxid int64, code tree.Code, body func([]byte) []byte) []byte {
	return appendPacket(b, func(b []byte) []byte {
		b = jute.AppendInt32(b, xid)
		b = jute.AppendInt64(b, zxid)
		b = jute.AppendInt32(b, int32(code))
		if body != nil {
			b = body(b)
		}
		return b
	})
}

func appendEvent(b []byte, e tree.Event) []byte {
	return appendReply(b, xidEvent, -1, 0, func(b []byte) []byte {
		b = jute.AppendInt32(b, int32(e.Kind))
		b = jute.AppendInt32(b, stateConnected)
		return jute.AppendString(b, e.Path)
	})
}

func appendStat(b []byte, s tree.Stat) []byte {
	for _, v := range []int64{s.Czxid, s.Mzxid, s.Ctime, s.Mtime} {
		b = jute.AppendInt64(b, v)
	}
	for _, v := range []int32{s.Version, s.Cversion, s.Aversion} {
		b = jute.AppendInt32(b, v)
	}
	b = jute.AppendInt64(b, s.EphemeralOwner)
	b = jute.AppendInt32(b, s.DataLength)
	b = jute.AppendInt32(b, s.NumChildren)
	return jute.AppendInt64(b, s.Pzxid)
}

func appendNames(b []byte, names []string) []byte {
	b = jute.AppendInt32(b, int32(len(names)))
	for _, name := range names {
		b = jute.AppendString(b, name)
	}
	return b
}

// appendResult appends the answer to one op of a change.
func appendResult(b []byte, op opcode, path string, stat tree.Stat) []byte {
	switch op {
	case opCreate:
		return jute.AppendString(b, path)
	case opSetData:
		return appendStat(b, stat)
	}
	return b
}

// appendMulti appends the answer to a multi: a result for each op, or, with an
// error, a code for each.
func appendMulti(b []byte, q request, stats []tree.Stat, failed *tree.OpError) []byte {
	header := func(op opcode, done bool, code tree.Code) {
		b = jute.AppendInt32(b, int32(op))
		b = jute.AppendBool(b, done)
		b = jute.AppendInt32(b, int32(code))
	}
	for i, op := range q.multi {
		if failed == nil {
			header(op, false, 0)
			b = appendResult(b, op, q.ops[i].Path, stats[i])
			continue
		}
		code := tree.Code(0)
		switch {
		case i == failed.Index:
			code = failed.Code
		case i > failed.Index:
			code = tree.RuntimeInconsistency
		}
		header(opError, false, code)
		b = jute.AppendInt32(b, int32(code))
	}
	header(opError, true, -1)
	return b
}
