package zk

import (
	"errors"
	"fmt"
	"strings"

	zookeeper "github.com/go-zookeeper/zk"

	"github.com/polybolt/polybolt/coordinator"
)

// The outcomes of a request that are not an answer. After the first two
// nothing has happened; after errLost nobody knows, but the next connection
// can be asked.
var (
	errUnsent  = errors.New("not sent")
	errStale   = errors.New("session moved or expired")
	errLost    = errors.New("connection lost")
	errTimeout = errors.New("request timed out")
)

// answers are the errors with which a server refuses a single request.
var answers = map[error]error{
	zookeeper.ErrNoNode:                  coordinator.ErrNoNode,
	zookeeper.ErrNodeExists:              coordinator.ErrExists,
	zookeeper.ErrBadVersion:              coordinator.ErrVersion,
	zookeeper.ErrNotEmpty:                coordinator.ErrNotEmpty,
	zookeeper.ErrNoAuth:                  coordinator.ErrDenied,
	zookeeper.ErrNoChildrenForEphemerals: coordinator.ErrEphemeralParent,
	zookeeper.ErrInvalidACL:              coordinator.ErrInvalid,
	zookeeper.ErrBadArguments:            coordinator.ErrInvalid,
	zookeeper.ErrInvalidPath:             coordinator.ErrInvalid,

	zookeeper.ErrNoServer:         errUnsent,
	zookeeper.ErrSessionExpired:   errStale,
	zookeeper.ErrSessionMoved:     errStale,
	zookeeper.ErrConnectionClosed: errLost,
	zookeeper.ErrClosing:          errLost,
}

// quotaExceeded is how the library words ZooKeeper's error −125, which it does
// not know: a quota on the tree, or a full embedded coordinator.
const quotaExceeded = "unknown error: -125"

// translate returns the coordinator's word for an error of the library. A
// verdict of the server that we do not know says nothing of whether the request
// was carried out. All else comes from the connection: the library passes the
// errors of its writes on.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if ours, ok := answers[err]; ok {
		return ours
	}
	if op := (*coordinator.OpError)(nil); errors.As(err, &op) {
		return err
	}
	if strings.Contains(err.Error(), quotaExceeded) {
		return fmt.Errorf("%w: a quota is exceeded", coordinator.ErrTooLarge)
	}
	for _, prefix := range []string{"zk: ", "unknown error: "} {
		if strings.HasPrefix(err.Error(), prefix) {
			return fmt.Errorf("%w: the server fails: %v", coordinator.ErrUnavailable, err)
		}
	}
	return errLost
}

// again tells whether a translated error means that the request is to be made
// again on another connection; a change only after a look, when it was lost.
func again(err error) bool {
	return errors.Is(err, errUnsent) || errors.Is(err, errStale) || errors.Is(err, errLost)
}

// zkACL returns an ACL in the library's form.
func zkACL(acl []coordinator.Permission) ([]zookeeper.ACL, error) {
	if len(acl) == 0 {
		return zookeeper.WorldACL(zookeeper.PermAll), nil
	}
	list := make([]zookeeper.ACL, len(acl))
	for i, p := range acl {
		scheme, id, _ := strings.Cut(p.Identity, ":")
		switch {
		case p.Identity == coordinator.World:
			id = "anyone"
		case scheme != "digest" || !strings.Contains(id, ":"):
			return nil, fmt.Errorf("identity %q of a permission is neither %q nor made by Credential.Identity: %w",
				p.Identity, coordinator.World, coordinator.ErrInvalid)
		}
		if p.Rights == 0 || p.Rights&^coordinator.All != 0 {
			return nil, fmt.Errorf("rights %#x of %s are not a set of rights: %w", p.Rights, p.Identity, coordinator.ErrInvalid)
		}
		list[i] = zookeeper.ACL{Perms: int32(p.Rights), Scheme: scheme, ID: id}
	}
	return list, nil
}
