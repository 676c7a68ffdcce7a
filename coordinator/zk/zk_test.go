package zk_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

// server is a real ZooKeeper that the tests share, each below a root of its own.
var server *zookeepertest.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// These tests wait for timeouts much more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "polybolt-zk-")
	if err == nil {
		defer os.RemoveAll(dir)
		server, err = zookeepertest.Launch(context.Background(), dir, zookeepertest.Config{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	server.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
