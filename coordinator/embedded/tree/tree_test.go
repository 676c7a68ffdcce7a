package tree

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/coordinator"
)

const unlimited = 1 << 40

var (
	now  = time.UnixMilli(1_700_000_000_000)
	open = []ACL{{coordinator.All, schemeWorld, anyone}}
)

func create(path, data string) Op {
	return Op{Kind: coordinator.OpCreate, Path: path, Data: []byte(data), ACL: open}
}

func ephemeral(path string) Op {
	return Op{Kind: coordinator.OpCreateEphemeral, Path: path, ACL: open}
}

func set(path, data string, version int32) Op {
	return Op{Kind: coordinator.OpSet, Path: path, Data: []byte(data), Version: version}
}

func del(path string, version int32) Op {
	return Op{Kind: coordinator.OpDelete, Path: path, Version: version}
}

func check(path string, version int32) Op {
	return Op{Kind: coordinator.OpCheck, Path: path, Version: version}
}

// dump is the whole durable state as bytes.
func dump(t *Tree) []byte {
	return slices.Concat(slices.Collect(func(yield func([]byte) bool) {
		for part := range t.Snapshot().Parts() {
			yield(slices.Clone(part))
		}
	})...)
}

func commit(t *testing.T, tree *Tree, by Caller, ops ...Op) Outcome {
	t.Helper()
	out, err := tree.Commit(by, now, ops)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCommitAnswersLikeZooKeeper(t *testing.T) {
	t.Parallel()
	tree := New(unlimited)
	tree.OpenSession(now, 7, time.Second, []byte("pw"))
	me := Caller{Session: 7}
	commit(t, tree, me, create("/a", "1"), create("/a/b", ""), ephemeral("/e"), set("/a", "2", 0))
	for name, c := range map[string]struct {
		op   Op
		want Code
	}{
		"create again":               {create("/a", ""), NodeExists},
		"create the root":            {create("/", ""), NodeExists},
		"create without parent":      {create("/x/y", ""), NoNode},
		"create below an ephemeral":  {create("/e/x", ""), EphemeralParent},
		"create with a bad path":     {create("/a//x", ""), BadArguments},
		"create with a slash behind": {create("/a/", ""), BadArguments},
		"create without ACL":         {Op{Path: "/x"}, InvalidACL},
		"create with an unknown ACL": {Op{Path: "/x", ACL: []ACL{{1, "ip", "10.0.0.1"}}}, InvalidACL},
		"create with a bad digest":   {Op{Path: "/x", ACL: []ACL{{1, schemeDigest, "user"}}}, InvalidACL},
		"auth without identity":      {Op{Path: "/x", ACL: []ACL{{1, schemeAuth, ""}}}, InvalidACL},
		"set a missing node":         {set("/x", "", 0), NoNode},
		"set another version":        {set("/a", "", 0), BadVersion},
		"delete a missing node":      {del("/x", 0), NoNode},
		"delete below a missing one": {del("/x/y", 0), NoNode},
		"delete another version":     {del("/a/b", 1), BadVersion},
		"delete with children":       {del("/a", 1), NotEmpty},
		"delete the root":            {del("/", -1), BadArguments},
		"check a missing node":       {check("/x", -1), NoNode},
		"check another version":      {check("/a", 0), BadVersion},
		"no such op":                 {Op{Kind: 99, Path: "/a"}, Unimplemented},
	} {
		_, err := tree.Commit(me, now, []Op{c.op})
		if err == nil || err.Code != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := tree.Commit(Caller{Session: 8}, now, []Op{ephemeral("/other")}); err == nil || err.Code != SessionExpired {
		t.Errorf("ephemeral without a session: %v", err)
	}
	data, stat, err := tree.Get(me, "/a")
	want := Stat{
		Czxid: 2, Mzxid: 2, Pzxid: 2, Ctime: millis(now), Mtime: millis(now), Version: 1, Cversion: 1, DataLength: 1, NumChildren: 1,
	}
	if string(data) != "2" || stat != want || err != nil {
		t.Errorf("%q, %+v, %v", data, stat, err)
	}
	if zxid := tree.Zxid(); zxid != 2 {
		t.Errorf("zxid %d: a failed request counts", zxid)
	}
	if out := commit(t, tree, me, check("/a", 1)); len(out.Txn.Changes) != 0 || tree.Zxid() != 2 {
		t.Error("a check makes a transaction")
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	id := func(user string) Identity {
		id, err := Authenticate("digest", []byte(user+":secret"))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	acl := func(rights coordinator.Rights, user string) []ACL { return []ACL{{rights, schemeDigest, id(user).ID}} }
	tree := New(unlimited)
	alice, bob := Caller{Identities: []Identity{id("alice")}}, Caller{Identities: []Identity{id("bob")}}
	for rights, path := range map[coordinator.Rights]string{
		coordinator.Read: "/r", coordinator.Write: "/w", coordinator.CreateChild: "/c", coordinator.DeleteChild: "/d",
	} {
		commit(t, tree, bob, Op{Path: path, ACL: append(acl(rights, "alice"), acl(coordinator.CreateChild, "bob")...)})
		commit(t, tree, bob, create(path+"/child", ""))
		for name, op := range map[coordinator.Rights]Op{
			coordinator.Read: check(path, -1), coordinator.Write: set(path, "", -1),
			coordinator.CreateChild: create(path+"/x", ""), coordinator.DeleteChild: del(path+"/child", -1),
		} {
			if _, err := tree.Commit(alice, now, []Op{op}); (err == nil) != (name == rights) || err != nil && err.Code != NoAuth {
				t.Errorf("right %#x, op needs %#x: %v", rights, name, err)
			}
		}
		_, _, getErr := tree.Get(alice, path)
		_, _, listErr := tree.Children(alice, path)
		_, existsErr := tree.Exists(alice, path)
		if may := rights == coordinator.Read; (getErr == nil) != may || (listErr == nil) != may || (existsErr == nil) != may {
			t.Errorf("right %#x: get %v, list %v, exists %v", rights, getErr, listErr, existsErr)
		}
	}
	// "auth" means whoever asks.
	commit(t, tree, alice, Op{Path: "/mine", ACL: []ACL{{coordinator.All, schemeAuth, ""}}})
	if _, _, err := tree.Get(alice, "/mine"); err != nil {
		t.Error(err)
	}
	if _, _, err := tree.Get(bob, "/mine"); err != NoAuth {
		t.Errorf("bob reads alice's node: %v", err)
	}
	for _, proof := range []string{"", "nocolon", ":secret"} {
		if _, err := Authenticate("digest", []byte(proof)); err != AuthFailed {
			t.Errorf("proof %q: %v", proof, err)
		}
	}
	if _, err := Authenticate("ip", []byte("a:b")); err != AuthFailed {
		t.Errorf("scheme ip: %v", err)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	tree := New(10_000)
	big := string(make([]byte, 6000))
	commit(t, tree, Caller{}, create("/a", big), create("/b", ""))
	for name, op := range map[string]Op{"create": create("/c", big), "set": set("/b", big, -1)} {
		if _, err := tree.Commit(Caller{}, now, []Op{op}); err == nil || err.Code != QuotaExceeded {
			t.Errorf("%s beyond the limit: %v", name, err)
		}
	}
	commit(t, tree, Caller{}, del("/a", -1))
	commit(t, tree, Caller{}, set("/b", big, -1))
	// A tree that was filled under a higher limit can still shrink.
	tree.limit = 1000
	commit(t, tree, Caller{}, set("/b", big[:5000], -1))
	commit(t, tree, Caller{}, del("/b", -1))
	if got, want := tree.size, New(0).size; got != want {
		t.Errorf("an empty tree counts %d bytes, want %d", got, want)
	}
}

// ops draws a request on few paths, so that ops meet.
func ops(t *rapid.T) []Op {
	path := rapid.SampledFrom([]string{"/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/p", "/"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Op {
		return Op{
			Kind:    coordinator.OpKind(rapid.IntRange(0, 4).Draw(t, "kind")),
			Path:    path.Draw(t, "path"),
			Data:    []byte(rapid.SampledFrom([]string{"", "1", "22"}).Draw(t, "data")),
			Version: rapid.Int32Range(-1, 2).Draw(t, "version"),
			ACL:     open,
		}
	}), 1, 4).Draw(t, "ops")
}

// A request that fails leaves no trace, and one that succeeds takes a second
// tree, by way of the disk, to the very same state.
func TestAllOrNothingAndReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tree, copied := New(unlimited), New(unlimited)
		replay := func(out Outcome) {
			if len(out.Txn.Changes) == 0 {
				return
			}
			again, err := copied.Replay(roundTrip(t, out.Txn))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(again.Events, out.Events, func(a, b Event) bool { return a.Kind == b.Kind && a.Path == b.Path }) {
				t.Fatalf("events %v, replayed %v", out.Events, again.Events)
			}
		}
		for step := range rapid.IntRange(1, 30).Draw(t, "steps") {
			session := rapid.Int64Range(1, 3).Draw(t, "session")
			before := dump(tree)
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				if !tree.Touch(now, session) {
					replay(tree.OpenSession(now, session, time.Second, []byte{byte(step)}))
				}
			case 1:
				if out, ok := tree.CloseSession(now, session); ok {
					replay(out)
				}
			default:
				out, err := tree.Commit(Caller{Session: session}, now, ops(t))
				if err != nil && !bytes.Equal(dump(tree), before) {
					t.Fatalf("%v, and the tree is not what it was", err)
				}
				replay(out)
			}
			if got := dump(copied); !bytes.Equal(dump(tree), got) {
				t.Fatalf("replay leads elsewhere:\n%q\n%q", dump(tree), got)
			}
			checkInvariants(t, tree)
		}
	})
}

func checkInvariants(t *rapid.T, tree *Tree) {
	size := int64(0)
	for path, n := range tree.nodes {
		size += cost(path, n)
		for name := range n.children {
			child := coordinator.Parent(path + "/x")
			if child == "/" {
				child = ""
			}
			if tree.nodes[child+"/"+name] == nil {
				t.Fatalf("%s lists %q, which is missing", path, name)
			}
		}
		if path != "/" {
			if _, ok := tree.nodes[coordinator.Parent(path)].children[base(path)]; !ok {
				t.Fatalf("%s is not listed", path)
			}
		}
		if owner := n.stat.EphemeralOwner; owner != 0 {
			if _, ok := tree.sessions[owner].ephemerals[path]; !ok {
				t.Fatalf("session %d does not know of %s", owner, path)
			}
		}
	}
	for id, s := range tree.sessions {
		for path := range s.ephemerals {
			if n := tree.nodes[path]; n == nil || n.stat.EphemeralOwner != id {
				t.Fatalf("session %d thinks it owns %s", id, path)
			}
		}
	}
	if size != tree.size {
		t.Fatalf("size is %d, counted %d", size, tree.size)
	}
}
