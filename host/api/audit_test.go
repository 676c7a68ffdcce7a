package api

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// An audit says what was changed, in the log and to whoever is told, and no secret.
func TestAuditSaysWhatWasChanged(t *testing.T) {
	t.Parallel()
	told := make(chan Audited, 1)
	logged := &lines{}
	_, url := serveWith(t, nil, func(o *HandlerOptions) {
		o.Audit, o.Log = func(a Audited) { told <- a }, slog.New(slog.NewTextHandler(logged, nil))
	})
	c, err := NewClient([]string{url}, testToken)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wait := time.Duration(0)
	for _, x := range []struct {
		do   func() error
		want string
	}{
		{func() error {
			_, err := c.Change(t.Context(), "t", ChangeRequest{Verb: Rebalance, Workers: 3, Parallelism: map[topology.ComponentID]int{"b": 2, "a": 1}, Drain: time.Second})
			return err
		}, "workers=3 parallelism=a=1,b=2 drain=1s"},
		{func() error {
			_, err := c.Change(t.Context(), "t", ChangeRequest{Verb: Rollback, Version: 7})
			return err
		}, "version=7"},
		{func() error {
			_, err := c.Change(t.Context(), "t", ChangeRequest{Verb: Kill, Wait: &wait})
			return err
		}, "wait=0s"},
		{func() error {
			_, err := c.Change(t.Context(), "t", ChangeRequest{Verb: SetLevel, Component: "a", Level: "debug", For: time.Minute})
			return err
		}, "component=a level=debug for=1m0s"},
		{func() error {
			set := []string{"config.workers=2", "bolts.a.parallelism=4", "bolts.a.env.PASSWORD=swordfish", "spouts.s.config.key=swordfish", "bolts.a={env: {P: swordfish}}"}
			_, err := c.Deploy(t.Context(), DeployRequest{Name: "t", File: "topology.yaml", Set: set, Timeout: time.Second, Drain: time.Second}, strings.NewReader("x"))
			return err
		}, "file=topology.yaml set=config.workers=2,bolts.a.parallelism=4,bolts.a.env.PASSWORD=…,spouts.s.config.key=…,bolts.a=… timeout=1s drain=1s wait=false bytes=1"},
	} {
		if err := x.do(); err != nil {
			t.Fatal(err)
		}
		if a := <-told; a.What.String() != x.want {
			t.Errorf("it says %q, and not %q", a.What, x.want)
		}
	}
	if logged.count("workers=3 parallelism=\"a=1,b=2\" drain=1s") != 1 || logged.count("set=\"config.workers=2,") != 1 || logged.count("swordfish") != 0 {
		t.Errorf("the log says:\n%s", logged.buf.String())
	}
}
