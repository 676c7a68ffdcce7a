package coordinatortest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

// deed is a fenced change that its leader knows to have been made.
type deed struct {
	version int32 // of the node that all leaders write
	epoch   int32
	rival   int
}

// rivalry is several candidates, each behind a network of its own.
type rivalry struct {
	fixture Fixture
	proxies []*faultproxy.Proxy

	mu    sync.Mutex
	deeds []deed // guarded by mu
}

// rule is what a leader does: it writes, fenced, as fast as it can, and does
// not even look at its context, as one whose process was frozen would not.
func (r *rivalry) rule(ctx context.Context, s coordinator.Store, rival int, term coordinator.Term) error {
	for {
		n, err := s.Get(context.WithoutCancel(ctx), "/log")
		if err == nil {
			err = s.Apply(context.WithoutCancel(ctx), term.Fence(), coordinator.Set("/log", fmt.Append(nil, term.Epoch, rival), n.Version))
		}
		var op *coordinator.OpError
		switch {
		case err == nil:
			r.mu.Lock()
			r.deeds = append(r.deeds, deed{n.Version + 1, term.Epoch, rival})
			r.mu.Unlock()
		case errors.As(err, &op) && op.Index == 0:
			return ctx.Err() // the fence: another leads
		case ctx.Err() != nil && errors.Is(err, coordinator.ErrUnavailable):
			return ctx.Err()
		case !errors.Is(err, coordinator.ErrUnavailable) && !errors.Is(err, coordinator.ErrVersion):
			return err
		}
		if rand.IntN(20) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// check tells whether leaders took turns: along the node's versions the epochs
// only grow, and each belongs to one rival.
func (r *rivalry) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.deeds, func(a, b deed) int { return int(a.version - b.version) })
	owners := map[int32]int{}
	for i, d := range r.deeds {
		if i > 0 && (d.epoch < r.deeds[i-1].epoch || d.version == r.deeds[i-1].version) {
			t.Fatalf("after %+v came %+v", r.deeds[i-1], d)
		}
		if owner, ok := owners[d.epoch]; ok && owner != d.rival {
			t.Fatalf("term %d belongs to %d and to %d", d.epoch, owner, d.rival)
		}
		owners[d.epoch] = d.rival
	}
	t.Logf("%d changes in %d terms", len(r.deeds), len(owners))
	if len(owners) < 3 {
		t.Errorf("only %d terms: the faults did not bite", len(owners))
	}
}

func (r *rivalry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.deeds)
}

// run lets rivals lead by turns while faults strikes, and checks the outcome.
func (r *rivalry) run(t *testing.T, rivals int, strike func(round int)) {
	must(t, r.fixture.Open(t).Apply(t.Context(), coordinator.Create("/log", nil)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, rivals)
	for i := range rivals {
		one := r.fixture
		one.Servers = slices.Concat(one.Servers[i%len(one.Servers):], one.Servers[:i%len(one.Servers)])
		s, proxy := one.Behind(t, ShortSession(time.Second))
		r.proxies = append(r.proxies, proxy)
		go func() {
			e := &coordinator.Election{Store: s, Path: "/leadership", Data: fmt.Append(nil, i)}
			ended <- e.Run(ctx, func(ctx context.Context, term coordinator.Term) error { return r.rule(ctx, s, i, term) })
		}()
	}
	for round := range 5 {
		before := r.count()
		Eventually(t, "somebody leads", func() bool { return r.count() > before+20 })
		strike(round)
	}
	for _, proxy := range r.proxies {
		proxy.Heal()
	}
	before := r.count()
	Eventually(t, "somebody leads in the end", func() bool { return r.count() > before })
	cancel()
	for range rivals {
		select {
		case err := <-ended:
			must(t, err)
		case <-time.After(patience):
			t.Fatal("a rival does not end")
		}
	}
	r.check(t)
}

// leader returns who made the last change.
func (r *rivalry) leader() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.deeds[len(r.deeds)-1].rival
}

// strikeNetwork makes the leader's network fail in one of the ways it can, for
// long enough that its session may end.
func (r *rivalry) strikeNetwork(t *testing.T, round int) {
	proxy, before := r.proxies[r.leader()], r.leader()
	proxy.Set([]faultproxy.Faults{
		{StallToServer: true, StallToClient: true}, {StallToClient: true}, {StallToServer: true}, dead,
	}[round%4])
	Eventually(t, "another leads", func() bool { return r.leader() != before })
	if round%2 == 0 {
		proxy.Cut()
	}
	proxy.Heal() // what was stalled arrives now, from the leader that was
}

// Never do two leaders both make a fenced change out of turn.
func TestElectionUnderNetworkFaults(t *testing.T) {
	t.Parallel()
	for name, fixture := range map[string]func(*testing.T) Fixture{
		"embedded": func(t *testing.T) Fixture { return DurableEmbedded(t) }, "ensemble": on(ensemble),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &rivalry{fixture: fixture(t)}
			r.run(t, 3, func(round int) { r.strikeNetwork(t, round) })
		})
	}
}

// The same while members of the ensemble die and freeze.
func TestElectionUnderServerFaults(t *testing.T) {
	t.Parallel()
	zoo := zookeepertest.StartEnsemble(t, 3)
	r := &rivalry{fixture: Fixture{Servers: zoo.Addrs(), Root: "/polybolt"}}
	r.run(t, 3, func(round int) {
		before := r.leader()
		// Each rival knows one member only, so this one cannot lead on.
		victim := before % 3
		if round%2 == 0 {
			zoo.Pause(t, victim)
		} else {
			zoo.Kill(t, victim)
		}
		Eventually(t, "another leads", func() bool { return r.leader() != before })
		if round%2 == 0 {
			zoo.Resume(t, victim)
			zoo.WaitReady(t, victim)
		} else {
			zoo.Restart(t, victim)
		}
	})
}
