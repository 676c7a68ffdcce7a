package host

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/zk"
	"github.com/polybolt/polybolt/host/cluster"
)

// Version is the version of this binary, for others to see. The command sets
// it before anything else.
var Version = "dev"

// ClusterOptions say where the coordinator is, and how this process appears to others.
type ClusterOptions struct {
	ZooKeeper      []string
	Root           string
	SessionTimeout time.Duration
	Host           string // the machine's name, for people

	// KeyFile holds the cluster's key, see [ReadKey]. Empty: there is none;
	// then everything has to stay on one machine, and all its users are trusted.
	KeyFile string

	// ZooKeeperCA is a PEM file with the authority that signs ZooKeeper's
	// certificates, or [SystemCA]. Empty: connections are plain text, which is for one machine.
	ZooKeeperCA string

	access *cluster.Access // what a worker has instead of the key
}

// DefaultClusterOptions returns the options of a daemon that is told nothing.
func DefaultClusterOptions() ClusterOptions {
	z := zk.DefaultOptions()
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return ClusterOptions{ZooKeeper: []string{"127.0.0.1:2181"}, Root: z.Root, SessionTimeout: z.SessionTimeout, Host: host}
}

// args are the flags with which a command gets these options.
func (o *ClusterOptions) args() []string {
	return []string{"--zookeeper", strings.Join(o.ZooKeeper, ","), "--root", o.Root, "--session-timeout", o.SessionTimeout.String(), "--host", o.Host,
		"--cluster-key", o.KeyFile, "--zookeeper-ca", o.ZooKeeperCA}
}

// withCluster runs a daemon on a session with the coordinator.
func (o *ClusterOptions) withCluster(log *slog.Logger, run func(*cluster.Cluster) error) error {
	z := zk.DefaultOptions()
	z.Servers, z.Root, z.SessionTimeout, z.Logger = o.ZooKeeper, o.Root, o.SessionTimeout, log
	key, err := o.key()
	if err == nil {
		err = o.secure(&z, key)
	}
	if err != nil {
		return err
	}
	store, err := zk.Open(z)
	if err != nil {
		return err
	}
	stranger := func() (coordinator.Store, error) {
		open := z
		open.Credentials, open.ACL = nil, nil
		return zk.Open(open)
	}
	err = run(cluster.NewProtected(store, key, stranger, log))
	if cerr := store.Close(); cerr != nil {
		log.Warn("session not closed", "err", cerr)
	}
	return err
}

// IsLoopback tells whether only this machine can reach an address of the form HOST:PORT.
func IsLoopback(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, fmt.Errorf("%q is no address: write HOST:PORT: %w", address, err)
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback(), nil
}

// shutdownTimeout is what requests in progress get when a daemon ends.
const shutdownTimeout = 2 * time.Second
