package cluster

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
	"github.com/polybolt/polybolt/coordinator/zk"
)

// Frozen values: daemons of different releases must derive the same. They were
// computed by another implementation of HKDF.
func TestKeyDerives(t *testing.T) {
	t.Parallel()
	k, err := ParseKey([]byte("\npolybolt-cluster-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := Place{Supervisor: "0123456789ab", Slot: 1}
	a := k.Access(RunID{"words", 3}, p)
	for _, c := range []struct{ name, got, want string }{
		{"daemons", k.Credentials()[0].Secret, "11fe61c0a8bf58a5a9779f2684fda7f67efa1bfc9bbeec9b71e58333cbb5f0e1"},
		{"reader", a.Reader.Secret, "50cd83b78863b152ab212eef27f5c212601d55163aaa9abca2788ed658043bb0"},
		{"writer", a.Writer.Secret, "7c6f1fe85a3a63f5be13de9e42a4f349093de3876f6666b4935e740957046965"},
		{"links", hex.EncodeToString(a.Links), "c28c4cd11114319f6a5a747bc32183bee4320a5ee0de5acc65d368d425bb5dd4"},
		{"users", fmt.Sprint(k.Credentials()[0].User, a.Reader.User, a.Writer.User), "daemons topology.words worker.words.3.0123456789ab.1.0"},
	} {
		if c.got != c.want && strings.ReplaceAll(c.want, " ", "") != c.got {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestKeyInWriting(t *testing.T) {
	t.Parallel()
	k := NewKey()
	again, err := ParseKey([]byte(k.Text() + "\n"))
	if err != nil || !bytes.Equal(again.secret, k.secret) || bytes.Equal(NewKey().secret, k.secret) {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]string{
		"":                    "it is no key",
		"a token":             "it is no key",
		keyPrefix:             "damaged",
		k.Text()[:40]:         "damaged",
		k.Text() + "x":        "damaged",
		k.Text() + " " + "xx": "damaged",
	} {
		if _, err := ParseKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), text) && text != "" {
			t.Errorf("%q: %v", text, err)
		}
	}
	a := k.Access(run7, here)
	secrets := []string{hex.EncodeToString(k.secret), k.Text()[len(keyPrefix):], a.Reader.Secret, a.Writer.Secret, hex.EncodeToString(a.Links)}
	printed := fmt.Sprintf("%v %+v %#v %s %x %v %+v %v %+v %d %v", k, k, k, k, k, a, a, a.Reader, a.Writer, a.Writer, struct{ A *Access }{a})
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "access", a, "login", a.Reader)
	for _, secret := range secrets {
		if strings.Contains(printed+log.String(), secret) {
			t.Errorf("%s is printed: %s %s", secret, printed, log.String())
		}
	}
	b, err := json.Marshal(a) // the spec of a worker
	var back Access
	if err == nil {
		err = json.Unmarshal(b, &back)
	}
	if err != nil || back.Writer != a.Writer || back.Reader != a.Reader || back.Daemons != a.Daemons || !bytes.Equal(back.Links, a.Links) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	k := NewKey()
	own := k.ACL()[0]
	reader := coordinator.Permission{Rights: coordinator.Read, Identity: k.reader(run7.Topology).identity()}
	for node, want := range map[string][]coordinator.Permission{
		runPath(run7):             {own, reader},
		assignmentPath(run7):      {own, reader},
		workersPath(run7):         {own},
		workerPath(run7, here):    {own, {Rights: coordinator.All &^ coordinator.Admin, Identity: k.writer(run7, here).identity()}},
		workersPath(run7) + "/x":  {own},
		topologyPath("words"):     {own},
		runsPath("words"):         {own},
		runsPath("words") + "/x":  {own},
		versionPath("words", 3):   {own},
		runPath(run7) + "/other":  {own},
		"/bundles/x":              {own},
		"/topologies/a b/runs/1":  {own},
		"/topologies/a/runs/01":   {own},
		"/elsewhere/words/runs/1": {own},
	} {
		if got := k.permissions(node); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", node, got, want)
		}
	}
}

// A worker reads its run, writes to its own place, and is refused everything
// else; so is who has no key, or another cluster's.
func TestAccess(t *testing.T) {
	t.Parallel()
	server := zookeepertest.Start(t)
	for name, f := range map[string]coordinatortest.Fixture{
		"embedded": coordinatortest.Embedded(t), "ZooKeeper": {Servers: server.Addrs(), Root: server.Root()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := NewKey()
			d := daemonOf(t, f, k)
			if err := d.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			term := elect(t, d)
			createRun(t, term)
			var b Batch
			other := RunID{"other", 1}
			b.CreateTopology(&Topology{Name: other.Topology, Run: 1, Serving: 1})
			b.CreateRun(&Run{ID: other, Version: 1, Bundle: bundle, File: "topology.yaml", Mode: Active, Created: moment},
				&Assignment{Epoch: 1, Workers: []Worker{{Place: there, Address: "h:1"}}, Tasks: []int{0}})
			b.CreateWorker(other, there)
			b.CreateWorker(run7, there)
			if err := term.Apply(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
			secret := &Alive{Incarnation: who, Token: "figures"}
			keepAlive(t, New(with(t, f, k.Access(run7, there).Credentials(), k.Access(run7, there).ACL()), testLog(t)), there, secret, d)

			worker := with(t, f, k.Access(run7, here).Credentials(), k.Access(run7, here).ACL())
			mayOwn(t, New(worker, testLog(t)), d)
			refused(t, "worker", worker, other)
			for name, store := range map[string]coordinator.Store{
				"a worker of another topology": with(t, f, k.Access(other, there).Credentials(), nil),
				"somebody without a key":       with(t, f, nil, nil),
				"another cluster's daemon":     with(t, f, NewKey().Credentials(), nil),
			} {
				refused(t, name, store, run7)
				if err := store.Apply(t.Context(), coordinator.Set(workerPath(run7, here), nil, coordinator.AnyVersion)); !errors.Is(err, coordinator.ErrDenied) {
					t.Errorf("%s writes a report: %v", name, err)
				}
			}
			var seen Alive
			if _, err := d.get(t.Context(), alivePath(run7, there, who), &seen); err != nil || seen.Token != "figures" {
				t.Errorf("the daemons see %+v, %v", seen, err)
			}
			if err := term.RemoveTopology(t.Context(), run7.Topology); err != nil {
				t.Error("nimbus cannot remove what workers have made: ", err)
			}
		})
	}
}

func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// with opens a session as somebody. Not every one may read the root.
func with(t *testing.T, f coordinatortest.Fixture, credentials []coordinator.Credential, acl []coordinator.Permission) *zk.Store {
	t.Helper()
	o := f.Options()
	o.Credentials, o.ACL = credentials, acl
	store, err := zk.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func daemonOf(t *testing.T, f coordinatortest.Fixture, k *Key) *Cluster {
	t.Helper()
	stranger := func() (coordinator.Store, error) { return with(t, f, nil, nil), nil }
	return NewProtected(with(t, f, k.Credentials(), k.ACL()), k, stranger, testLog(t))
}

// A key does not help where everybody may write: that is said, and nothing is left of the attempt.
func TestPrepareRefusesAnOpenCoordinator(t *testing.T) {
	t.Parallel()
	k := NewKey()
	for name, prepare := range map[string]func(*testing.T, coordinatortest.Fixture){
		"from before there was a key": func(t *testing.T, f coordinatortest.Fixture) {
			if err := New(with(t, f, nil, nil), testLog(t)).Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"by somebody else": func(t *testing.T, f coordinatortest.Fixture) {
			apply(t, with(t, f, k.Credentials(), k.ACL()), coordinator.Create(slotsPath, nil, coordinator.Permission{Rights: coordinator.CreateChild, Identity: coordinator.World}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := coordinatortest.Embedded(t)
			prepare(t, f)
			err := daemonOf(t, f, k).Prepare(t.Context())
			if err == nil || !strings.Contains(err.Error(), "everybody may write to /") {
				t.Errorf("prepare: %v", err)
			}
		})
	}
}

// keepAlive registers a worker, and waits until the daemons see it.
func keepAlive(t *testing.T, c *Cluster, p Place, a *Alive, d *Cluster) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	watch := d.WatchWorker(ctx, run7, p)
	go func() { done <- c.KeepAlive(ctx, run7, p, a) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, ErrGone) { // the test may have removed the place
			t.Error(err)
		}
	})
	for {
		select {
		case <-watch:
		case err := <-done:
			done <- err
			t.Fatal("registration ended: ", err)
		}
		if _, err := d.store.Get(t.Context(), alivePath(run7, p, a.Incarnation)); err == nil {
			return
		} else if !errors.Is(err, coordinator.ErrNoNode) {
			t.Fatal(err)
		}
	}
}

// mayOwn does all that a worker has to do.
func mayOwn(t *testing.T, w, d *Cluster) {
	t.Helper()
	ctx := t.Context()
	if _, err := w.Run(ctx, run7); err != nil {
		t.Error("read its run: ", err)
	}
	if _, err := w.Assignment(ctx, run7); err != nil {
		t.Error("read its assignment: ", err)
	}
	<-w.WatchRun(ctx, run7)
	<-w.WatchAssignment(ctx, run7)
	if err := w.SetReport(ctx, run7, here, &Report{Incarnation: who, Epoch: 1}); err != nil {
		t.Error("write its report: ", err)
	}
	for range 2 {
		if err := w.SetFailures(ctx, run7, here, &Failures{Component: "split"}); err != nil {
			t.Error("write its errors: ", err)
		}
	}
	keepAlive(t, w, here, &Alive{Incarnation: who}, d)
}

// refused tries all that a worker of a run must not be able to do.
func refused(t *testing.T, who string, store coordinator.Store, foreign RunID) {
	t.Helper()
	child := Incarnation("1234567890abcdef")
	foreignPlace := there
	writes := []coordinator.Op{
		coordinator.Create(leaderPath+"/mine", nil), coordinator.Create("/mine", nil), coordinator.Create(topologyPath("mine"), nil),
		coordinator.CreateEphemeral(nimbusPath(child), nil), coordinator.CreateEphemeral(supervisorPath(there.Supervisor), nil),
		coordinator.Create(slotsOfPath(there.Supervisor), nil), coordinator.Create(bundlePath("mine"), nil),
		coordinator.Create(workersPath(run7)+"/mine", nil), coordinator.Create(assignmentPath(run7)+"/mine", nil), coordinator.Create(runPath(run7)+"/mine", nil),
		coordinator.CreateEphemeral(alivePath(run7, there, child), nil), coordinator.CreateEphemeral(alivePath(foreign, foreignPlace, child), nil),
		coordinator.Set(workerPath(run7, there), nil, coordinator.AnyVersion), coordinator.Set(assignmentPath(run7), nil, coordinator.AnyVersion),
		coordinator.Set(runPath(run7), nil, coordinator.AnyVersion), coordinator.Set(topologyPath(run7.Topology), nil, coordinator.AnyVersion),
		coordinator.Delete(alivePath(run7, there, "00ff00ff00ff00ff"), coordinator.AnyVersion), coordinator.Delete(assignmentPath(run7), coordinator.AnyVersion),
		coordinator.Delete(workerPath(foreign, foreignPlace), coordinator.AnyVersion),
	}
	for _, op := range writes {
		if err := store.Apply(t.Context(), op); !errors.Is(err, coordinator.ErrDenied) {
			t.Errorf("%s: write %s: %v", who, op.Path, err)
		}
	}
	for _, node := range []string{
		"/", leaderPath, leaderPath + "/leader", nimbusesPath, supervisorsPath, slotsPath, bundlesPath, topologiesPath, topologyPath(run7.Topology), workersPath(run7),
		workerPath(run7, there), alivePath(run7, there, "00ff00ff00ff00ff"), runPath(foreign), assignmentPath(foreign), workerPath(foreign, foreignPlace),
	} {
		if _, err := store.Get(t.Context(), node); !errors.Is(err, coordinator.ErrDenied) {
			t.Errorf("%s: read %s: %v", who, node, err)
		}
		if _, err := store.Children(t.Context(), node); !errors.Is(err, coordinator.ErrDenied) {
			t.Errorf("%s: list %s: %v", who, node, err)
		}
	}
}
