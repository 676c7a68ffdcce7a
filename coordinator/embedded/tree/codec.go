package tree

import (
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/embedded/jute"
)

// The least bytes that an element takes, which bounds what a count may
// allocate.
const (
	minACL    = 1 + 4 + 4
	minChange = 1 + 4 + 4 + 4 + 8 + 8
)

// MaxTxn bounds a transaction's form on disk, in bytes. What a client sends is
// smaller, but an ACL "auth" stands for all that the client has proven to be.
const MaxTxn = 8 << 20

// size is what Append adds for a change, in bytes.
func (c *Change) size() int {
	n := minChange + len(c.Path) + len(c.Data)
	for _, a := range c.ACL {
		n += minACL + len(a.Scheme) + len(a.ID)
	}
	return n
}

// Append appends the transaction's form on disk.
func (x Txn) Append(b []byte) []byte {
	b = jute.AppendInt64(b, x.Zxid)
	b = jute.AppendInt64(b, x.Time)
	b = jute.AppendInt32(b, int32(len(x.Changes)))
	for _, c := range x.Changes {
		b = append(b, byte(c.Kind))
		b = jute.AppendString(b, c.Path)
		b = jute.AppendBytes(b, c.Data)
		b = appendACL(b, c.ACL)
		b = jute.AppendInt64(b, c.Session)
		b = jute.AppendInt64(b, int64(c.Timeout))
	}
	return b
}

// ReadTxn reads what Append wrote; see the reader's Err.
func ReadTxn(r *jute.Reader) Txn {
	x := Txn{Zxid: r.Int64(), Time: r.Int64()}
	x.Changes = make([]Change, r.Count(minChange))
	for i := range x.Changes {
		x.Changes[i] = Change{
			Kind:    ChangeKind(r.Byte()),
			Path:    r.Text(),
			Data:    r.Bytes(),
			ACL:     readACL(r),
			Session: r.Int64(),
			Timeout: time.Duration(r.Int64()),
		}
	}
	return x
}

func appendACL(b []byte, acl []ACL) []byte {
	b = jute.AppendInt32(b, int32(len(acl)))
	for _, a := range acl {
		b = append(b, byte(a.Rights))
		b = jute.AppendString(b, a.Scheme)
		b = jute.AppendString(b, a.ID)
	}
	return b
}

func readACL(r *jute.Reader) []ACL {
	acl := make([]ACL, r.Count(minACL))
	for i := range acl {
		acl[i] = ACL{Rights: coordinator.Rights(r.Byte()), Scheme: r.Text(), ID: r.Text()}
	}
	return acl
}
