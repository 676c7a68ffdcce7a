package coordinatortest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/zk"
)

// Run runs the suite that every coordinator passes. The fixture is made anew
// for each test.
func Run(t *testing.T, fixture func(t *testing.T) Fixture) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"Nodes", testNodes},
		{"Names", testNames},
		{"Errors", testErrors},
		{"AllOrNothing", testAllOrNothing},
		{"ManyChildren", testManyChildren},
		{"Large", testLarge},
		{"D60_Assignments", testAssignments},
		{"Permissions", testPermissions},
		{"Ephemerals", testEphemerals},
		{"Expiry", testExpiry},
		{"Cut", testCut},
		{"Watches", testWatches},
		{"WatchManyChanges", testWatchManyChanges},
		{"WatchHidden", testWatchHidden},
		{"Crash", testCrash},
		{"Concurrent", testConcurrent},
		{"Model", testModel},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, fixture(t))
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

func testNodes(t *testing.T, f Fixture) {
	s := f.Open(t)
	ctx := t.Context()
	must(t, s.Apply(ctx, coordinator.Create("/a", []byte("one"))))
	first, err := s.Get(ctx, "/a")
	must(t, err)
	if string(first.Data) != "one" || first.Version != 0 || first.Ephemeral != 0 || first.Created == 0 {
		t.Errorf("created: %+v", first)
	}
	must(t, s.Apply(ctx, coordinator.Set("/a", []byte("two"), 0)))
	must(t, s.Apply(ctx, coordinator.Set("/a", nil, coordinator.AnyVersion)))
	second, err := s.Get(ctx, "/a")
	must(t, err)
	if len(second.Data) != 0 || second.Version != 2 || second.Created != first.Created {
		t.Errorf("set: %+v", second)
	}
	must(t, s.Apply(ctx, coordinator.Delete("/a", 2)))
	_, err = s.Get(ctx, "/a")
	want(t, err, coordinator.ErrNoNode)
	must(t, s.Apply(ctx, coordinator.Create("/a", nil)))
	third, err := s.Get(ctx, "/a")
	must(t, err)
	if third.Created <= first.Created || third.Version != 0 {
		t.Errorf("made anew: %+v after %+v", third, first)
	}

	// The root is a node like others.
	must(t, s.Apply(ctx, coordinator.Set("/", []byte("root"), coordinator.AnyVersion)))
	if root, err := s.Get(ctx, "/"); err != nil || string(root.Data) != "root" {
		t.Errorf("root: %+v, %v", root, err)
	}
	must(t, s.Apply(ctx)) // nothing to do
}

func testNames(t *testing.T, f Fixture) {
	s := f.Open(t)
	ctx := t.Context()
	names := []string{"zookeeper", "..c", "Zürich", "a b", "a%2Fb", "日本", "x.y-z_0"}
	slices.Sort(names)
	for _, name := range names {
		must(t, s.Apply(ctx, coordinator.Create("/"+name, []byte(name))))
	}
	got, err := s.Children(ctx, "/")
	must(t, err)
	if !slices.Equal(got, names) {
		t.Errorf("children %q, want %q", got, names)
	}
	for _, path := range []string{"", "a", "/a/", "//", "/a//b", "/.", "/..", "/a\x00", "/a\x1f", "/\ufffe", "/\xff"} {
		_, err := s.Get(ctx, path)
		want(t, err, coordinator.ErrInvalid)
		_, err = s.Children(ctx, path)
		want(t, err, coordinator.ErrInvalid)
		want(t, s.Apply(ctx, coordinator.Create(path, nil)), coordinator.ErrInvalid)
	}
}

func testErrors(t *testing.T, f Fixture) {
	s := f.Open(t)
	ctx := t.Context()
	must(t, s.Apply(ctx, coordinator.Create("/a", nil), coordinator.Create("/a/b", nil), coordinator.CreateEphemeral("/e", nil)))
	for name, c := range map[string]struct {
		op   coordinator.Op
		want error
	}{
		"create again":              {coordinator.Create("/a", nil), coordinator.ErrExists},
		"create without parent":     {coordinator.Create("/x/y", nil), coordinator.ErrNoNode},
		"create below an ephemeral": {coordinator.Create("/e/x", nil), coordinator.ErrEphemeralParent},
		"create the root":           {coordinator.Create("/", nil), coordinator.ErrExists},
		"set missing":               {coordinator.Set("/x", nil, 0), coordinator.ErrNoNode},
		"set another version":       {coordinator.Set("/a", nil, 7), coordinator.ErrVersion},
		"delete missing":            {coordinator.Delete("/x", 0), coordinator.ErrNoNode},
		"delete another version":    {coordinator.Delete("/a/b", 7), coordinator.ErrVersion},
		"delete with children":      {coordinator.Delete("/a", 0), coordinator.ErrNotEmpty},
		"check missing":             {coordinator.Check("/x", coordinator.AnyVersion), coordinator.ErrNoNode},
		"check another version":     {coordinator.Check("/a", 7), coordinator.ErrVersion},
	} {
		// Alone, and behind an op that holds.
		for index, ops := range [][]coordinator.Op{{c.op}, {coordinator.Check("/a", 0), c.op}} {
			err := s.Apply(ctx, ops...)
			var op *coordinator.OpError
			if !errors.As(err, &op) || !errors.Is(err, c.want) || op.Index != index || op.Path != c.op.Path {
				t.Errorf("%s: %v, want %v of op %d", name, err, c.want, index)
			}
		}
	}
	_, err := s.Get(ctx, "/x")
	want(t, err, coordinator.ErrNoNode)
	_, err = s.Children(ctx, "/x")
	want(t, err, coordinator.ErrNoNode)
	must(t, s.Apply(ctx, coordinator.Check("/a", 0)))
	must(t, s.Apply(ctx, coordinator.Check("/a", coordinator.AnyVersion)))
}

func testAllOrNothing(t *testing.T, f Fixture) {
	s := f.Open(t)
	ctx := t.Context()
	// Later ops see what earlier ones do.
	must(t, s.Apply(ctx,
		coordinator.Create("/p", []byte("1")), coordinator.Create("/p/c", nil), coordinator.Set("/p", []byte("2"), 0),
		coordinator.Check("/p", 1), coordinator.Delete("/p/c", 0), coordinator.CreateEphemeral("/p/c", nil)))
	before, err := s.Get(ctx, "/p")
	must(t, err)
	err = s.Apply(ctx,
		coordinator.Set("/p", []byte("3"), 1), coordinator.Create("/q", nil), coordinator.Delete("/p/c", 0),
		coordinator.Check("/p", 9))
	var op *coordinator.OpError
	if !errors.As(err, &op) || op.Index != 3 || op.Path != "/p" || !errors.Is(op, coordinator.ErrVersion) {
		t.Errorf("the last op does not hold: %v", err)
	}
	if after, err := s.Get(ctx, "/p"); err != nil || string(after.Data) != "2" || after.Version != before.Version {
		t.Errorf("after a change that was refused: %+v, %v", after, err)
	}
	_, err = s.Get(ctx, "/q")
	want(t, err, coordinator.ErrNoNode)
	if names, err := s.Children(ctx, "/p"); err != nil || !slices.Equal(names, []string{"c"}) {
		t.Errorf("children %v, %v", names, err)
	}
}

func testManyChildren(t *testing.T, f Fixture) {
	s := f.Open(t)
	ctx := t.Context()
	const n = 2000
	var names []string
	for from := 0; from < n; from += 100 {
		var ops []coordinator.Op
		for i := range 100 {
			names = append(names, fmt.Sprintf("child-%05d", from+i))
			ops = append(ops, coordinator.Create("/"+names[from+i], nil))
		}
		must(t, s.Apply(ctx, ops...))
	}
	got, err := s.Children(ctx, "/")
	must(t, err)
	if !slices.Equal(got, names) {
		t.Errorf("%d children, want %d", len(got), n)
	}
}

func testLarge(t *testing.T, f Fixture) {
	s := f.Open(t)
	ctx := t.Context()
	chunk := make([]byte, 512<<10) // a bundle's
	for i := range chunk {
		chunk[i] = byte(i * 7)
	}
	must(t, s.Apply(ctx, coordinator.Create("/bundle", nil)))
	for i := range 8 {
		must(t, s.Apply(ctx, coordinator.Create(fmt.Sprintf("/bundle/%d", i), chunk)))
	}
	if n, err := s.Get(ctx, "/bundle/7"); err != nil || !slices.Equal(n.Data, chunk) {
		t.Errorf("a chunk came back otherwise: %d bytes, %v", len(n.Data), err)
	}
	most := make([]byte, coordinator.MaxPacket-200)
	must(t, s.Apply(ctx, coordinator.Create("/most", most)))
	want(t, s.Apply(ctx, coordinator.Create("/more", make([]byte, coordinator.MaxPacket))), coordinator.ErrTooLarge)
	if n, err := s.Get(ctx, "/most"); err != nil || len(n.Data) != len(most) {
		t.Errorf("the largest node: %d bytes, %v", len(n.Data), err)
	}
}

// The assignments of 500 workers change together, fenced.
func testAssignments(t *testing.T, f Fixture) {
	s := f.Open(t)
	ctx := t.Context()
	ops := []coordinator.Op{coordinator.Create("/leader", nil), coordinator.Create("/workers", nil)}
	for i := range 500 {
		ops = append(ops, coordinator.Create(fmt.Sprintf("/workers/w%03d", i), make([]byte, 1000)))
	}
	must(t, s.Apply(ctx, ops...))
	ops = []coordinator.Op{coordinator.Check("/leader", 0)}
	for i := range 500 {
		ops = append(ops, coordinator.Set(fmt.Sprintf("/workers/w%03d", i), make([]byte, 1000), 0))
	}
	must(t, s.Apply(ctx, ops...))
	err := s.Apply(ctx, append(ops[:100:100], coordinator.Check("/leader", 1))...)
	var op *coordinator.OpError
	if !errors.As(err, &op) || op.Index != 1 {
		t.Errorf("stale versions: %v", err)
	}
}

func testPermissions(t *testing.T, f Fixture) {
	alice, bob := coordinator.Credential{User: "alice", Secret: "a"}, coordinator.Credential{User: "bob", Secret: "b"}
	as := func(c ...coordinator.Credential) func(*zk.Options) {
		return func(o *zk.Options) { o.Credentials = c }
	}
	ctx := t.Context()
	b, both, nobody := f.Open(t, as(bob)), f.Open(t, as(bob, alice)), f.Open(t)
	a := f.Open(t, as(alice), func(o *zk.Options) {
		o.ACL = []coordinator.Permission{{Rights: coordinator.All, Identity: alice.Identity()}}
	})
	must(t, b.Apply(ctx, coordinator.Create("/shared", nil)))
	must(t, a.Apply(ctx,
		coordinator.Create("/alice", []byte("mine")),
		coordinator.Create("/alice/box", nil,
			coordinator.Permission{Rights: coordinator.All, Identity: alice.Identity()},
			coordinator.Permission{Rights: coordinator.CreateChild, Identity: bob.Identity()},
			coordinator.Permission{Rights: coordinator.Read, Identity: coordinator.World}),
	))
	for name, s := range map[string]coordinator.Store{"bob": b, "nobody": nobody} {
		_, err := s.Get(ctx, "/alice")
		want(t, err, coordinator.ErrDenied)
		_, err = s.Children(ctx, "/alice")
		want(t, err, coordinator.ErrDenied)
		for _, op := range []coordinator.Op{
			coordinator.Set("/alice", nil, -1), coordinator.Create("/alice/x", nil), coordinator.Delete("/alice/box", -1),
			coordinator.Check("/alice", -1), coordinator.Set("/alice/box", nil, -1),
		} {
			if err := s.Apply(ctx, op); !errors.Is(err, coordinator.ErrDenied) {
				t.Errorf("%s, op %d on %s: %v", name, op.Kind, op.Path, err)
			}
		}
		_, err = s.Get(ctx, "/alice/box")
		must(t, err)
	}
	must(t, b.Apply(ctx, coordinator.CreateEphemeral("/alice/box/letter", nil)))
	want(t, nobody.Apply(ctx, coordinator.Create("/alice/box/other", nil)), coordinator.ErrDenied)
	// To delete is a right on the parent.
	want(t, b.Apply(ctx, coordinator.Delete("/alice/box/letter", 0)), coordinator.ErrDenied)
	must(t, both.Apply(ctx, coordinator.Delete("/alice/box/letter", 0), coordinator.Set("/alice", nil, 0)))
	// One that is denied stops all.
	want(t, b.Apply(ctx, coordinator.Create("/free", nil), coordinator.Set("/alice", nil, -1)), coordinator.ErrDenied)
	_, err := b.Get(ctx, "/free")
	want(t, err, coordinator.ErrNoNode)
	must(t, coordinator.Ensure(ctx, b, "/alice/box/deep"))
}

// Changes that race for a version: each is won by exactly one.
func testConcurrent(t *testing.T, f Fixture) {
	ctx := t.Context()
	const rivals, rounds = 4, 25
	must(t, f.Open(t).Apply(ctx, coordinator.Create("/n", nil)))
	won := make(chan int, rivals)
	for i := range rivals {
		s := f.Open(t)
		go func() {
			wins := 0
			for ctx.Err() == nil {
				n, err := s.Get(ctx, "/n")
				if err != nil || n.Version >= rounds {
					break
				}
				if s.Apply(ctx, coordinator.Set("/n", []byte{byte(i)}, n.Version), coordinator.Create(fmt.Sprintf("/won-%d", n.Version), nil)) == nil {
					wins++
				}
			}
			won <- wins
		}()
	}
	total := 0
	for range rivals {
		select {
		case wins := <-won:
			total += wins
		case <-time.After(patience):
			t.Fatal("a rival does not end")
		}
	}
	if total != rounds {
		t.Errorf("%d rounds were won %d times", rounds, total)
	}
}
