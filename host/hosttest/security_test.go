package hosttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
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
	return open(t, o)
}

func open(t *testing.T, o zk.Options) *zk.Store {
	t.Helper()
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

// dev makes a key of its own, and its coordinator lets nobody in without it.
func TestDevHasAKey(t *testing.T) {
	t.Parallel()
	c, d := dev(t)
	d.Start(t)
	Eventually(t, "it leads", func() bool { _, code := c.CLI(t, "list"); return code == 0 })
	data := filepath.Join(c.Dir, "home", "dev")
	c.KeyFile = filepath.Join(data, "cluster.key")
	info, err := os.Stat(c.KeyFile)
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("the key has the mode %v", info.Mode())
	}
	o := zk.DefaultOptions()
	o.Servers = []string{"unix:" + filepath.Join(data, "coordinator.sock")}
	stranger := open(t, o)
	if _, err := stranger.Children(t.Context(), "/topologies"); !errors.Is(err, coordinator.ErrDenied) {
		t.Errorf("a process without the key lists topologies: %v", err)
	}
	if err := stranger.Apply(t.Context(), coordinator.Create("/topologies/mine", nil)); !errors.Is(err, coordinator.ErrDenied) {
		t.Errorf("a process without the key deploys: %v", err)
	}
	o.Credentials = c.key(t).Credentials()
	if _, err := open(t, o).Children(t.Context(), "/topologies"); err != nil {
		t.Error(err)
	}
	must(t, d.signalAndWait(t))
	key := c.key(t).Text()
	d.Start(t)
	Eventually(t, "it leads again", func() bool { _, code := c.CLI(t, "list"); return code == 0 })
	if c.key(t).Text() != key {
		t.Error("the next dev has another key")
	}
}

// signalAndWait ends a daemon in order.
func (d *Daemon) signalAndWait(t *testing.T) error {
	t.Helper()
	d.Signal(t, syscall.SIGTERM)
	if code := d.Wait(); code != 0 {
		return fmt.Errorf("exit code %d: %s", code, d.Log())
	}
	return nil
}
