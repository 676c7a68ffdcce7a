package hosttest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

// zookeeper is a real ZooKeeper that most tests share, each below a root of its own.
var zookeeper *zookeepertest.Server

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "polybolt-zk-")
	if err == nil {
		defer os.RemoveAll(dir)
		zookeeper, err = zookeepertest.Launch(context.Background(), dir, zookeepertest.Config{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer zookeeper.Close()
	code := m.Run()
	if err := RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
