package hosttest

import (
	"os"
	"testing"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/zk"
	"github.com/polybolt/polybolt/host/cluster"
)

// key reads the cluster's key.
func (c *Cluster) key(t *testing.T) *cluster.Key {
	t.Helper()
	text, err := os.ReadFile(c.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := cluster.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// store begins a session with ZooKeeper as somebody, which ends with the test.
func (c *Cluster) store(t *testing.T, as []coordinator.Credential) *zk.Store {
	t.Helper()
	o := zk.DefaultOptions()
	o.Servers, o.Root, o.SessionTimeout, o.Credentials = c.ZooKeeper.Addrs(), c.root, c.Session, as
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
