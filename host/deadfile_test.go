package host

import (
	"testing"

	"github.com/polybolt/polybolt/host/worker"
)

// Who does not want the tuples that are given up has them written to /dev/null.
func TestDeadTuplesToADevice(t *testing.T) {
	t.Parallel()
	d := &deadFile{path: "/dev/null"}
	if err := d.Bury(&worker.DeadTuple{Component: "s"}); err != nil {
		t.Error(err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
}
