package coordinatortest

import (
	"fmt"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/zk"
)

func testWatches(t *testing.T, f Fixture) {
	ctx := t.Context()
	s, other := f.Open(t), f.Open(t)
	signals := s.Watch(ctx, "/w")
	for _, step := range []struct {
		name string
		op   coordinator.Op
		seen func() bool
	}{
		{"created", coordinator.Create("/w", []byte("0")), func() bool { return exists(t, s, "/w") }},
		{"set", coordinator.Set("/w", []byte("1"), 0), func() bool {
			n, err := s.Get(ctx, "/w")
			return err == nil && string(n.Data) == "1"
		}},
		{"child", coordinator.Create("/w/c", nil), func() bool {
			names, err := s.Children(ctx, "/w")
			return err == nil && len(names) == 1
		}},
		{"child gone", coordinator.Delete("/w/c", 0), func() bool {
			names, err := s.Children(ctx, "/w")
			return err == nil && len(names) == 0
		}},
		{"deleted", coordinator.Delete("/w", 1), func() bool { return !exists(t, s, "/w") }},
		{"created as an ephemeral", coordinator.CreateEphemeral("/w", nil), func() bool { return exists(t, s, "/w") }},
		{"deleted again", coordinator.Delete("/w", 0), func() bool { return !exists(t, s, "/w") }},
		{"made anew", coordinator.Create("/w", nil), func() bool { return exists(t, s, "/w") }},
		{"child of the new one", coordinator.Create("/w/d", nil), func() bool {
			names, err := s.Children(ctx, "/w")
			return err == nil && len(names) == 1
		}},
	} {
		must(t, other.Apply(ctx, step.op))
		Until(t, step.name, signals, step.seen)
	}
}

// However fast changes come, the last one is seen, on every watch.
func testWatchManyChanges(t *testing.T, f Fixture) {
	ctx := t.Context()
	s, other := f.Open(t), f.Open(t)
	const nodes, changes = 20, 20
	var signals []<-chan struct{}
	for i := range nodes {
		path := fmt.Sprintf("/n%d", i)
		must(t, other.Apply(ctx, coordinator.Create(path, nil)))
		signals = append(signals, s.Watch(ctx, path))
	}
	failed := make(chan error, 1)
	go func() {
		for version := range int32(changes) {
			var ops []coordinator.Op
			for i := range nodes {
				ops = append(ops, coordinator.Set(fmt.Sprintf("/n%d", i), nil, version))
			}
			if err := other.Apply(ctx, ops...); err != nil {
				failed <- err
				return
			}
		}
		close(failed)
	}()
	for i, one := range signals {
		Until(t, "the last change", one, func() bool {
			n, err := s.Get(ctx, fmt.Sprintf("/n%d", i))
			return err == nil && n.Version == changes
		})
	}
	must(t, <-failed)
}

// A watch tells nothing of a node that its owner may not read.
func testWatchHidden(t *testing.T, f Fixture) {
	ctx := t.Context()
	alice := coordinator.Credential{User: "alice", Secret: "a"}
	a := f.Open(t, func(o *zk.Options) { o.Credentials = []coordinator.Credential{alice} })
	secret := coordinator.Permission{Rights: coordinator.All, Identity: alice.Identity()}
	must(t, a.Apply(ctx, coordinator.Create("/s", nil, secret), coordinator.Create("/open", nil)))
	stranger := f.Open(t)
	hidden, open := stranger.Watch(ctx, "/s"), stranger.Watch(ctx, "/open")
	// Until the watches are set there may be signals.
	Eventually(t, "silence of the hidden node", func() bool {
		drain(hidden)
		n, err := stranger.Get(ctx, "/open")
		must(t, err)
		must(t, a.Apply(ctx, coordinator.Set("/s", nil, coordinator.AnyVersion), coordinator.Set("/open", nil, n.Version)))
		Until(t, "the open node", open, func() bool {
			now, err := stranger.Get(ctx, "/open")
			return err == nil && now.Version > n.Version
		})
		select {
		case <-hidden:
			return false
		case <-time.After(50 * time.Millisecond):
			return true
		}
	})
}

func drain(signals <-chan struct{}) {
	for {
		select {
		case <-signals:
		default:
			return
		}
	}
}
