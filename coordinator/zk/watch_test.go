package zk_test

import (
	"context"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
)

// What changes while the connection is down is told after the reconnect.
func TestWatchSurvivesReconnect(t *testing.T) {
	t.Parallel()
	s, direct, proxy := behindProxy(t)
	must(t, direct.Apply(t.Context(), coordinator.Create("/p", nil)))
	node, missing, parent := s.Watch(t.Context(), "/x"), s.Watch(t.Context(), "/new"), s.Watch(t.Context(), "/p")
	for round := range int32(5) {
		proxy.Set(faultproxy.Faults{Refuse: true})
		proxy.Cut()
		ops := []coordinator.Op{coordinator.Set("/x", nil, round)}
		if round%2 == 0 {
			ops = append(ops, coordinator.Create("/new", nil), coordinator.Create("/p/c", nil))
		} else {
			ops = append(ops, coordinator.Delete("/new", 0), coordinator.Delete("/p/c", 0))
		}
		must(t, direct.Apply(t.Context(), ops...))
		proxy.Heal()
		until(t, "data", node, func() bool {
			n, err := s.Get(t.Context(), "/x")
			return err == nil && n.Version == round+1
		})
		until(t, "existence", missing, func() bool { return exists(t, s, "/new") == (round%2 == 0) })
		until(t, "children", parent, func() bool {
			names, err := s.Children(t.Context(), "/p")
			return err == nil && len(names) == int(1-round%2)
		})
		// And the watches are still set.
		must(t, direct.Apply(t.Context(), coordinator.Set("/p", nil, 2*round)))
		until(t, "data after the reconnect", parent, func() bool {
			n, err := s.Get(t.Context(), "/p")
			return err == nil && n.Version == 2*round+1
		})
		must(t, direct.Apply(t.Context(), coordinator.Set("/p", nil, 2*round+1)))
	}
}

// Losing the connection is a signal: a role may have to act on it.
func TestWatchTellsOfLostConnection(t *testing.T) {
	t.Parallel()
	s, _, proxy := behindProxy(t)
	signals := s.Watch(t.Context(), "/x")
	until(t, "connected", signals, func() bool { return s.Session().Connected })
	proxy.Set(faultproxy.Faults{Refuse: true})
	proxy.Cut()
	until(t, "lost", signals, func() bool { return !s.Session().Connected })
	proxy.Heal()
	until(t, "regained", signals, func() bool { return s.Session().Connected })
}

// Listeners share a watch on the server, and a path that is watched again and
// again does not pile them up.
func TestWatchesAreShared(t *testing.T) {
	t.Parallel()
	s, direct, _ := behindProxy(t)
	var all []<-chan struct{}
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		signals := s.Watch(ctx, "/x")
		receive(t, "at the start", signals)
		cancel()
		all = append(all, s.Watch(t.Context(), "/x"))
	}
	must(t, direct.Apply(t.Context(), coordinator.Set("/x", nil, 0)))
	for _, signals := range all {
		until(t, "the change", signals, func() bool {
			n, err := s.Get(t.Context(), "/x")
			return err == nil && n.Version == 1
		})
	}
	eventually(t, "one watch for data and one for children", func() bool { return s.Watches() == 2 })
}

// A path that nobody watches any more is forgotten at its next change.
func TestAbandonedWatchesEnd(t *testing.T) {
	t.Parallel()
	s, direct, _ := behindProxy(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Watch(ctx, "/x")
	eventually(t, "watches are set", func() bool { return s.Watches() == 2 })
	cancel()
	eventually(t, "watches are gone", func() bool {
		must(t, direct.Apply(t.Context(), coordinator.Set("/x", nil, coordinator.AnyVersion), coordinator.Create("/x/c", nil)))
		must(t, direct.Apply(t.Context(), coordinator.Delete("/x/c", 0)))
		return s.Watches() == 0
	})
}

func TestWatchFallsSilentWithItsContext(t *testing.T) {
	t.Parallel()
	s, direct, _ := behindProxy(t)
	ctx, cancel := context.WithCancel(t.Context())
	left, stays := s.Watch(ctx, "/x"), s.Watch(t.Context(), "/x")
	cancel()
	version := int32(0)
	// The context's end travels; after it has arrived there is no signal.
	eventually(t, "silence", func() bool {
		for drained := false; !drained; {
			select {
			case <-left:
			default:
				drained = true
			}
		}
		must(t, direct.Apply(t.Context(), coordinator.Set("/x", nil, version)))
		version++
		until(t, "the other listener", stays, func() bool {
			n, err := s.Get(t.Context(), "/x")
			return err == nil && n.Version == version
		})
		select {
		case <-left:
			return false
		case <-time.After(20 * time.Millisecond):
			return true
		}
	})
	// A listener that comes back finds the watch.
	back := s.Watch(t.Context(), "/x")
	receive(t, "at the start", back)
	must(t, direct.Apply(t.Context(), coordinator.Set("/x", nil, version)))
	receive(t, "after coming back", back)
}
