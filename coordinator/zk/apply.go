package zk

import (
	"context"
	"errors"
	"fmt"

	zookeeper "github.com/go-zookeeper/zk"

	"github.com/polybolt/polybolt/coordinator"
)

// Apply implements [coordinator.Store].
func (s *Store) Apply(ctx context.Context, ops ...coordinator.Op) error {
	if len(ops) == 0 {
		return nil
	}
	requests, err := s.requests(ops)
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	var after uint64
	for {
		var before, session int64
		connection, err := s.request(ctx, after, func() error {
			// What is younger than this may be ours.
			before, session = s.zxid.Load(), s.conn.SessionID()
			return s.send(ops, requests)
		})
		after = connection
		switch {
		case errors.Is(err, errUnsent), errors.Is(err, errStale):
			continue
		case errors.Is(err, errLost):
		case err != nil:
			return fmt.Errorf("apply: %w", err)
		default:
			return nil
		}
		switch result, err := s.resolve(ctx, ops, before, session); {
		case err != nil:
			return fmt.Errorf("apply: %w: the connection broke, and whether it happened cannot be found out: %w", coordinator.ErrUnavailable, err)
		case result == applied:
			return nil
		case result == unknown:
			return fmt.Errorf("apply: the connection broke, and what is there now does not tell whether it happened: %w", coordinator.ErrUnavailable)
		}
	}
}

// requests returns the ops in the library's form.
func (s *Store) requests(ops []coordinator.Op) ([]any, error) {
	const header = 4 + 8 // length, xid, opcode
	requests := make([]any, len(ops))
	total := header
	for i, op := range ops {
		if err := coordinator.CheckPath(op.Path); err != nil {
			return nil, err
		}
		full := s.full(op.Path)
		size := 9 + 4 + len(full) // a multi's header for each op, the path
		switch op.Kind {
		case coordinator.OpCreate, coordinator.OpCreateEphemeral:
			acl, err := s.aclOf(op)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", op.Path, err)
			}
			create := &zookeeper.CreateRequest{Path: full, Data: op.Data, Acl: acl}
			if op.Kind == coordinator.OpCreateEphemeral {
				create.Flags = zookeeper.FlagEphemeral
			}
			size += 4 + len(op.Data) + 4 + 4
			for _, a := range acl {
				size += 4 + 4 + len(a.Scheme) + 4 + len(a.ID)
			}
			requests[i] = create
		case coordinator.OpSet:
			size += 4 + len(op.Data) + 4
			requests[i] = &zookeeper.SetDataRequest{Path: full, Data: op.Data, Version: op.Version}
		case coordinator.OpDelete:
			size += 4
			requests[i] = &zookeeper.DeleteRequest{Path: full, Version: op.Version}
		case coordinator.OpCheck:
			size += 4
			requests[i] = &zookeeper.CheckVersionRequest{Path: full, Version: op.Version}
		default:
			return nil, fmt.Errorf("%s: op of kind %d: %w", op.Path, op.Kind, coordinator.ErrInvalid)
		}
		total += size
	}
	// The server would close the connection, and with it end what else is in progress.
	if total += 9; total > coordinator.MaxPacket {
		return nil, fmt.Errorf("%s and %d more ops take %d bytes of at most %d: %w",
			ops[0].Path, len(ops)-1, total, coordinator.MaxPacket, coordinator.ErrTooLarge)
	}
	return requests, nil
}

func (s *Store) aclOf(op coordinator.Op) ([]zookeeper.ACL, error) {
	if len(op.ACL) == 0 {
		return s.acl, nil
	}
	return zkACL(op.ACL)
}

// send makes one request of the ops and returns the library's error, or an
// [*coordinator.OpError] for the first op that does not hold.
func (s *Store) send(ops []coordinator.Op, requests []any) error {
	// One op needs no multi.
	if len(ops) == 1 {
		var err error
		switch r := requests[0].(type) {
		case *zookeeper.CreateRequest:
			_, err = s.conn.Create(r.Path, r.Data, r.Flags, r.Acl)
		case *zookeeper.SetDataRequest:
			_, err = s.conn.Set(r.Path, r.Data, r.Version)
		case *zookeeper.DeleteRequest:
			err = s.conn.Delete(r.Path, r.Version)
		default:
			return s.multi(ops, requests)
		}
		return opError(ops, 0, err)
	}
	return s.multi(ops, requests)
}

func (s *Store) multi(ops []coordinator.Op, requests []any) error {
	results, err := s.conn.Multi(requests...)
	if err == nil {
		return nil
	}
	// The ops before the one that does not hold have no error, those behind
	// it one that says only that.
	for i, result := range results {
		if i < len(ops) && result.Error != nil {
			return opError(ops, i, result.Error)
		}
	}
	return err
}

// opError wraps err if it is the server's verdict on op i.
func opError(ops []coordinator.Op, i int, err error) error {
	ours, ok := answers[err]
	if !ok || again(ours) {
		return err
	}
	return &coordinator.OpError{Index: i, Path: ops[i].Path, Err: ours}
}

// resolve looks, on a new connection, for what ops have left.
func (s *Store) resolve(ctx context.Context, ops []coordinator.Op, before, session int64) (verdict, error) {
	var after uint64
	for {
		var traces []trace
		connection, err := s.request(ctx, after, func() (err error) {
			traces, err = s.traces(ops)
			return err
		})
		switch {
		case err == nil && s.stillOn(connection):
			return judge(ops, traces, before, session), nil
		case err == nil, again(err):
			after = connection
		default:
			return unknown, err
		}
	}
}

func (s *Store) traces(ops []coordinator.Op) ([]trace, error) {
	traces := make([]trace, len(ops))
	for i, op := range ops {
		t := &traces[i]
		full := s.full(op.Path)
		data, stat, err := s.conn.Get(full)
		switch err {
		case nil:
			t.exists, t.modified = true, stat.Mzxid
			t.node = coordinator.Node{Data: data, Version: stat.Version, Ephemeral: stat.EphemeralOwner, Created: stat.Czxid}
		case zookeeper.ErrNoAuth:
			t.hidden = true
		case zookeeper.ErrNoNode:
		default:
			return nil, err
		}
		// The parent after the node: if it shows no change even now, a missing
		// node has been missing all the time.
		exists, stat, err := s.conn.Exists(coordinator.Parent(full))
		switch {
		case err == nil && exists:
			t.siblings = stat.Pzxid
		case err != nil && err != zookeeper.ErrNoAuth:
			return nil, err
		}
	}
	return traces, nil
}
