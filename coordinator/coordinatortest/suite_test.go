package coordinatortest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

// Real servers that the tests share, each below a root of its own.
var standalone, ensemble *zookeepertest.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	// Most of these tests wait for servers and timeouts.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "polybolt-coordinator-")
	if err == nil {
		defer os.RemoveAll(dir)
		standalone, err = zookeepertest.Launch(context.Background(), dir+"/one", zookeepertest.Config{})
	}
	if err == nil {
		ensemble, err = zookeepertest.Launch(context.Background(), dir+"/three", zookeepertest.Config{Members: 3})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	standalone.Close()
	ensemble.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func on(s *zookeepertest.Server) func(*testing.T) Fixture {
	return func(*testing.T) Fixture { return Fixture{Servers: s.Addrs(), Root: s.Root()} }
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, fixture := range map[string]func(*testing.T) Fixture{
		"memory":     func(t *testing.T) Fixture { return Embedded(t) },
		"embedded":   func(t *testing.T) Fixture { return DurableEmbedded(t) },
		"standalone": on(standalone),
		"ensemble":   on(ensemble),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Run(t, fixture)
		})
	}
}
