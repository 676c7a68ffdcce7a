package zk

import (
	"errors"
	"io"
	"net"
	"testing"

	zookeeper "github.com/go-zookeeper/zk"

	"github.com/polybolt/polybolt/coordinator"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	op := &coordinator.OpError{Path: "/a", Err: coordinator.ErrVersion}
	for err, want := range map[error]error{
		zookeeper.ErrNoNode:                              coordinator.ErrNoNode,
		zookeeper.ErrNoServer:                            errUnsent,
		zookeeper.ErrSessionMoved:                        errStale,
		zookeeper.ErrConnectionClosed:                    errLost,
		errors.New("unknown error: -125"):                coordinator.ErrTooLarge,
		errors.New("unknown error: -127"):                coordinator.ErrUnavailable,
		zookeeper.ErrAPIError:                            coordinator.ErrUnavailable,
		zookeeper.ErrShortBuffer:                         coordinator.ErrUnavailable,
		&net.OpError{Op: "write", Err: io.ErrClosedPipe}: errLost,
		io.EOF: errLost,
		op:     coordinator.ErrVersion,
	} {
		if got := translate(err); !errors.Is(got, want) {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
	if err := translate(nil); err != nil {
		t.Error(err)
	}
}
