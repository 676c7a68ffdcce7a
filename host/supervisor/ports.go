package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/polybolt/polybolt/host/cluster"
)

// slotPorts returns the data ports of the slots: those that the file says, and
// new ones that are free now for slots that it does not know. They never change after that.
func slotPorts(dir string, slots int) ([]cluster.Ports, error) {
	file := filepath.Join(dir, "ports.json")
	var ports []cluster.Ports
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(b, &ports); err != nil {
			return nil, fmt.Errorf("%s: %w: remove the file when no worker of this folder runs", file, err)
		}
	}
	if len(ports) >= slots {
		return ports[:slots], nil
	}
	fresh, err := freePorts(cluster.Lanes * (slots - len(ports)))
	if err != nil {
		return nil, err
	}
	for len(fresh) > 0 {
		ports = append(ports, cluster.Ports(fresh[:cluster.Lanes]))
		fresh = fresh[cluster.Lanes:]
	}
	b, err = json.Marshal(ports)
	if err != nil {
		return nil, err
	}
	return ports, replaceFile(file, b)
}

// freePorts finds ports that nobody listens on.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end: so none is found twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
