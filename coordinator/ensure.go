package coordinator

import (
	"context"
	"errors"
)

// Ensure makes a node without data, and those above it, where they are missing.
// It needs no right to create those that exist. Without an acl the new nodes
// inherit what the store was opened with.
func Ensure(ctx context.Context, s Store, path string, acl ...Permission) error {
	if path == "/" {
		return nil // the store's own
	}
	err := s.Apply(ctx, Create(path, nil, acl...))
	switch {
	case errors.Is(err, ErrExists):
		return nil
	case errors.Is(err, ErrNoNode):
		if err := Ensure(ctx, s, Parent(path), acl...); err != nil {
			return err
		}
		return Ensure(ctx, s, path, acl...)
	case errors.Is(err, ErrDenied):
		// It may exist all the same; who may not create it may still use it.
		if _, getErr := s.Get(ctx, path); getErr == nil || errors.Is(getErr, ErrDenied) {
			return nil
		}
	}
	return err
}
