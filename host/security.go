package host

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/polybolt/polybolt/coordinator/zk"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/transport"
)

// needsKey is what somebody is told whose cluster is to leave the machine without a key.
const needsKey = "a cluster of more than one machine needs a key: make one with `polybolt doctor --new-key FILE`, copy it to every machine, and give --cluster-key FILE to every daemon"

// SystemCA is the [ClusterOptions].ZooKeeperCA that means the authorities that this machine trusts.
const SystemCA = "system"

// ReadKey reads the key of a cluster from a file that nobody else can read.
func ReadKey(file string) (*cluster.Key, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("the key of the cluster: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("other users can read the key of the cluster in %s: chmod 600 it, and if they are not trusted, make a new one", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the key of the cluster: %w", err)
	}
	key, err := cluster.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

// WriteNewKey makes a key, in a file that must not exist yet: the error is
// [fs.ErrExist] if it does. The file appears with all that is in it.
func WriteNewKey(file string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // the file itself is a second name for it
	_, err = fmt.Fprintln(f, cluster.NewKey().Text())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), file)
}

// absolute makes the options hold for processes in other folders too.
func (o *ClusterOptions) absolute() error {
	for _, file := range []*string{&o.KeyFile, &o.ZooKeeperCA} {
		if *file == "" || *file == SystemCA {
			continue
		}
		var err error
		if *file, err = filepath.Abs(*file); err != nil {
			return err
		}
	}
	return nil
}

// key reads the cluster's key; nil if it has none.
func (o *ClusterOptions) key() (*cluster.Key, error) {
	if o.KeyFile == "" {
		return nil, nil
	}
	return ReadKey(o.KeyFile)
}

// secure adds to a store's options what the process proves to the coordinator,
// and how the connection is protected. It refuses to talk to another machine
// without either: digest authentication is plain text, and without it anybody
// who reaches ZooKeeper could have code run here.
func (o *ClusterOptions) secure(z *zk.Options, key *cluster.Key) error {
	switch {
	case key != nil:
		z.Credentials, z.ACL = key.Credentials(), key.ACL()
	case o.access != nil:
		z.Credentials, z.ACL = o.access.Credentials(), o.access.ACL()
	}
	for _, server := range o.ZooKeeper {
		switch {
		case localServer(server):
		case z.Credentials == nil:
			return fmt.Errorf("ZooKeeper at %s is not on this machine: %s", server, needsKey)
		case o.ZooKeeperCA == "":
			return fmt.Errorf("ZooKeeper at %s is not on this machine, and passwords would go there as plain text: "+
				"give the port at which it speaks TLS, and --zookeeper-ca FILE with the authority that has signed its certificate (or --zookeeper-ca %s)", server, SystemCA)
		}
	}
	var err error
	z.TLS, err = zooKeeperTLS(o.ZooKeeperCA)
	return err
}

// zooKeeperTLS returns how to encrypt connections to ZooKeeper; nil: not at all.
func zooKeeperTLS(ca string) (*tls.Config, error) {
	switch ca {
	case "":
		return nil, nil
	case SystemCA:
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("the authority of ZooKeeper's certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("there is no certificate in %s: it should hold that of an authority, in PEM", ca)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}

// localServer tells whether a ZooKeeper server, as in [zk.Options], is reached
// without leaving the machine. A name other than localhost may lead anywhere.
func localServer(server string) bool {
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		host = strings.Trim(server, "[]")
	}
	return strings.HasPrefix(server, "unix:") || localHost(host)
}

func localHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// guardData returns an error if a supervisor's workers would send rows to other
// machines unprotected.
func (o *SupervisorOptions) guardData(key *cluster.Key) error {
	if key != nil {
		return nil
	}
	for _, host := range []string{o.Address, o.Bind} {
		if host != "" && !localHost(host) {
			return fmt.Errorf("workers at %s would be reached from other machines, and take rows from everybody: %s; or stay on 127.0.0.1", host, needsKey)
		}
	}
	return nil
}

// linkTLS returns how a worker's links over TCP are protected; nil: not at all,
// and then they do not leave the machine.
func linkTLS(spec *slot.Spec, worker uint64) (*tls.Config, error) {
	if spec.Access == nil {
		return nil, nil
	}
	ca, err := transport.DeriveCA(spec.Access.Links, spec.Run.String())
	if err != nil {
		return nil, err
	}
	return ca.Config(worker), nil
}
