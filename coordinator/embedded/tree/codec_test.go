package tree

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/coordinator/embedded/jute"
)

func roundTrip(t *rapid.T, txn Txn) Txn {
	r := jute.NewReader(txn.Append(nil))
	got := ReadTxn(r)
	if r.Err() != nil || r.Len() != 0 {
		t.Fatalf("%v, %d bytes left", r.Err(), r.Len())
	}
	return got
}

func FuzzReadTxn(f *testing.F) {
	f.Add(Txn{Zxid: 1, Time: 2, Changes: []Change{
		{Kind: NodeCreated, Path: "/a", Data: []byte("x"), ACL: open, Session: 7},
		{Kind: SessionOpened, Session: 8, Timeout: time.Second, Data: []byte("pw")},
	}}.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := jute.NewReader(b)
		txn := ReadTxn(r)
		if r.Err() != nil {
			return
		}
		used := b[:len(b)-r.Len()]
		if again := txn.Append(nil); len(again) != len(used) {
			t.Errorf("%x was read, and written as %x", used, again)
		}
		// Whatever was read either fits or is refused; it never panics.
		tree := New(unlimited)
		tree.zxid = txn.Zxid - 1
		_, _ = tree.Replay(txn)
	})
}

func FuzzRestore(f *testing.F) {
	tree := New(unlimited)
	tree.OpenSession(now, 7, time.Second, []byte("pw"))
	if _, err := tree.Commit(Caller{Session: 7}, now, []Op{create("/a", "1"), create("/a/b", ""), ephemeral("/e")}); err != nil {
		f.Fatal(err)
	}
	var seed []byte
	for part := range tree.Snapshot().Parts() {
		seed = jute.AppendBytes(seed, part)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := NewRestorer(unlimited)
		for r := jute.NewReader(b); r.Len() > 0; {
			part := r.Bytes()
			if s.Add(part) != nil {
				return
			}
		}
		if tree, err := s.Tree(); err == nil {
			if got := dump(tree); len(got) == 0 {
				t.Error("a tree without a form")
			}
		}
	})
}

func TestSnapshotRestores(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tree := New(unlimited)
		for id := range rapid.Int64Range(0, 3).Draw(t, "sessions") {
			tree.OpenSession(now, id+1, time.Duration(id+1)*time.Second, []byte{byte(id)})
		}
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			_, _ = tree.Commit(Caller{Session: 1}, now, ops(t)) // some fail
		}
		snapshot, want := tree.Snapshot(), dump(tree)
		_, _ = tree.Commit(Caller{Session: 1}, now, ops(t)) // must not show in the snapshot
		restorer := NewRestorer(unlimited)
		for part := range snapshot.Parts() {
			if _, err := restorer.Tree(); err == nil {
				t.Fatal("a tree before its end")
			}
			if err := restorer.Add(part); err != nil {
				t.Fatal(err)
			}
		}
		got, err := restorer.Tree()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(dump(got), want) {
			t.Fatalf("restored %q, want %q", dump(got), want)
		}
		checkInvariants(t, got)
		if restorer.Add(nil) == nil {
			t.Fatal("a snapshot goes on after its end")
		}
	})
}
